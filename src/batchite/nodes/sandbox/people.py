"""The users of a node by whom people log in, as its system has them: inside the node, as its root.

They are known by what the system's files say of them (`OURS`), so what was made here is found again whatever
became of the node meanwhile. Users that the system has itself are left alone. The node's root may have made
anything of these files: it can spoil them for itself, and make nobody wait.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from batchite.nodes.sandbox.requests import Person

OURS = "Batch node user"
"""in the field of `/etc/passwd` for remarks"""
PASSWD, SHADOW, SUDOERS = "etc/passwd", "etc/shadow", "etc/sudoers.d/batch-node-users"
HOMES = "home"

_GROUP = 1000
_MOST = 1 << 20
"""bytes of a file that tells of users"""
_SHELLS = "/bin/bash", "/bin/sh"
_LAST_CHANGE = 19000
"""of a password, in days; any but 0, which would ask for a new one"""
_NO_PASSWORD = "!"  # noqa: S105 - what nothing hashes to


def settle(people: Sequence[Person], root: str = "/") -> list[str]:
    """Have the system in this directory know these people, and nobody else of ours. What could not be done is
    told, a sentence each."""
    notes: list[str] = []
    try:
        wanted = _known(people, root, notes)
        for path, lines, mode in (
            (SHADOW, _shadow(wanted, root), 0o640),
            (PASSWD, _passwd(wanted, root), 0o644),
        ):
            _write(f"{root}/{path}", lines, mode)
        _settle_sudoers(wanted, root)
    except OSError as error:
        notes.append(f"The users of the node could not be changed: {error}.")
        return notes
    for person in wanted:
        try:
            _settle_home(person, root)
        except OSError as error:
            notes.append(f"The home of the node's user {person.name} could not be made: {error}.")
    return notes


def _known(people: Sequence[Person], root: str, notes: list[str]) -> list[Person]:
    """Those whose names the system has no user of its own for."""
    taken = {line.split(":")[0] for line in _lines(f"{root}/{PASSWD}") if not _is_ours(line)}
    notes += [
        f"The node's system has a user {person.name} of its own, which stays as it is."
        for person in people
        if person.name in taken
    ]
    return [person for person in people if person.name not in taken]


def _passwd(people: Iterable[Person], root: str) -> Iterator[str]:
    shell = next((path for path in _SHELLS if os.path.exists(root + path)), _SHELLS[-1])
    yield from (line for line in _lines(f"{root}/{PASSWD}") if not _is_ours(line))
    for person in people:
        yield f"{person.name}:x:{person.number}:{_GROUP}:{OURS}:/{HOMES}/{person.name}:{shell}"


def _shadow(people: Sequence[Person], root: str) -> Iterator[str]:
    ours = {line.split(":")[0] for line in _lines(f"{root}/{PASSWD}") if _is_ours(line)}
    ours |= {person.name for person in people}
    yield from (line for line in _lines(f"{root}/{SHADOW}") if line.split(":")[0] not in ours)
    for person in people:
        password = person.password or _NO_PASSWORD
        yield f"{person.name}:{password}:{_LAST_CHANGE}:0:99999:7::{person.expires}:"


def _is_ours(line: str) -> bool:
    return line.split(":")[4:5] == [OURS]


def _settle_sudoers(people: Iterable[Person], root: str) -> None:
    """Where there is `sudo`; administrators need no password for it, as in the cloud."""
    admins = [f"{person.name} ALL=(ALL) NOPASSWD:ALL" for person in people if person.is_admin]
    path = f"{root}/{SUDOERS}"
    if admins and os.path.isdir(os.path.dirname(path)):
        _write(path, admins, 0o440)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)


def _settle_home(person: Person, root: str) -> None:
    home = f"{root}/{HOMES}/{person.name}"
    _make_directory(home, person.number)
    keys = f"{home}/.ssh"
    if person.key:
        _make_directory(keys, person.number)
        _write(f"{keys}/authorized_keys", [person.key], 0o600, person.number)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(f"{keys}/authorized_keys")


def _make_directory(path: str, owner: int) -> None:
    """What lies in one that is there stays."""
    try:
        os.mkdir(path, 0o700)
        os.chown(path, owner, _GROUP)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise


def _lines(path: str) -> list[str]:
    """None of a file that is not there; of anything else but a small file of lines OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST:
            raise OSError(f"{path} is no file that tells of users")
        content = os.read(descriptor, _MOST)
    finally:
        os.close(descriptor)
    return content.decode("utf-8", "surrogateescape").splitlines()


def _write(path: str, lines: Iterable[str], mode: int, owner: int = 0) -> None:
    """The old file is there until the new one is."""
    text = "".join(f"{line}\n" for line in lines)
    new = f"{path}.batch-new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        if owner:
            os.fchown(descriptor, owner, _GROUP)
        os.write(descriptor, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)
    os.replace(new, path)
