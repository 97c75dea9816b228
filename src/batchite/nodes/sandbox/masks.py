"""What a node does not see of this machine's system: its secrets and its people.

The node's root reads whatever the system's root may. So what the system keeps from others is not there: of a
directory only its name, of a file nothing. Instead of this machine's people the node has users of its own,
none with a password.

That is what a new node has changed of the system before anything runs in it. An overlay takes a directory
with an attribute for one with nothing below it, and a device of number 0 for the absence of a file; the node
can neither set the one nor make the other, and removing them brings nothing back.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import NamedTuple

from batchite.machine import openat2

PEOPLE = 1000
"""The first number of a user who is a person, and who therefore is not in nodes."""
NOBODY = 65534
USERS = {"_azbatch": 1000, "_azbatchtask_start": 1001}
"""Those of nodes, by the names that tasks are told; 0 is the node's root."""
GROUP = "_azbatchgrp"
"""Number 1000, of all of them."""

_SEARCHED = ("/etc", "/var", "/opt", "/usr/local")
_EMPTY = {"/var/tmp": 0o1777, "/var/mail": 0o2775, "/var/crash": 0o1777, "/var/backups": 0o755}  # noqa: S108
_NEEDED = frozenset(
    {"lock", "Lock", "lock-frontend", "partial", "ldconfig", "aux-cache", "sudoers", "sudoers.d"}
)
"""What packages and sudo need, and what holds nothing of anybody's."""
_OPAQUE = "trusted.overlay.opaque"
_IDS = 0x10000
_MOST = 16 * 1024 * 1024
"""bytes of a file that tells of users"""


class Entry(NamedTuple):
    """Of a directory the name, of a file the absence."""

    path: str
    is_directory: bool = False
    is_seen: bool = True
    """a directory with what the system has below it, which is there to lead to others"""
    mode: int = 0
    user: int = 0
    group: int = 0


class Masks:
    """As this machine's system is now; looking takes some hundredths of a second."""

    def __init__(self, hidden: Iterable[str] = ()) -> None:
        """`hidden`: directories that nodes do not see, whoever may read them. Raises OSError."""
        self._entries: dict[str, Entry] = {}
        for path, mode in _EMPTY.items():
            with contextlib.suppress(FileNotFoundError):
                self._hide(path, mode)
        for path in hidden:
            with contextlib.suppress(FileNotFoundError):
                if not _is_below_hidden(self._entries, path):
                    self._hide(path)
        for path in _secrets(self._entries):
            with contextlib.suppress(FileNotFoundError):
                self._hide(path)
        self._files = _users()
        for path in self._files:
            self._entries.pop(path, None)

    @classmethod
    def of_users(cls, root: str) -> Masks:
        """For a system in a directory, which has no secrets of this machine: only its people are hidden."""
        masks = cls.__new__(cls)
        masks._entries, masks._files = {}, _users(root)
        return masks

    def write(self, upper: str, name: str, first_id: int) -> None:
        """Into the upper directory, still empty, of the overlay over `/name`; its users begin at `first_id`.
        Raises OSError."""
        top = f"/{name}/"

        def own(path: str, user: int, group: int) -> None:
            ids = (first_id + (number if number < _IDS else NOBODY) for number in (user, group))
            os.chown(path, *ids, follow_symlinks=False)

        for entry in self._entries.values():
            if not entry.path.startswith(top):
                continue
            here = f"{upper}/{entry.path.removeprefix(top)}"
            if not entry.is_directory:
                os.mknod(here, stat.S_IFCHR, os.makedev(0, 0))
                continue
            os.mkdir(here)
            own(here, entry.user, entry.group)
            os.chmod(here, entry.mode)
            if not entry.is_seen:
                os.setxattr(here, _OPAQUE, b"y")
        for path, (content, mode) in self._files.items():
            if path.startswith(top):
                here = f"{upper}/{path.removeprefix(top)}"
                with open(here, "xb") as file:
                    file.write(content)
                    os.fchmod(file.fileno(), mode)
                own(here, 0, 0)

    def _hide(self, path: str, mode: int | None = None) -> None:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) or path in self._entries:
            return
        self._lead(os.path.dirname(path))
        if stat.S_ISDIR(status.st_mode):
            mode = stat.S_IMODE(status.st_mode) if mode is None else mode
            entry = Entry(path, True, False, mode, status.st_uid, status.st_gid)
        else:
            entry = Entry(path)
        self._entries[path] = entry

    def _lead(self, path: str) -> None:
        """A directory stands for the one below it also in owner and rights, so it has the same."""
        if path.count("/") < 2 or path in self._entries:
            return
        self._lead(os.path.dirname(path))
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        self._entries[path] = Entry(path, True, True, mode, status.st_uid, status.st_gid)


def readable(hidden: Iterable[str]) -> Iterator[str]:
    """What this process's user may read of the system's secrets, as a member of a group or as an owner; not
    what lies below a hidden path."""
    known = {path: Entry(path, is_seen=False) for path in hidden}
    for path in _secrets(known):
        if os.access(path, os.R_OK) or (os.path.isdir(path) and os.access(path, os.X_OK)):
            yield path


def _secrets(known: Mapping[str, Entry]) -> Iterator[str]:
    """What not everybody may read; not what lies below it or below what is hidden already."""
    waiting = list(_SEARCHED)
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = list(found)
        except OSError:  # it vanished
            continue
        for entry in entries:
            if entry.name in _NEEDED or _is_hidden(known, entry.path) or entry.is_symlink():
                continue
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError:
                continue
            if not mode & stat.S_IROTH or (stat.S_ISDIR(mode) and not mode & stat.S_IXOTH):
                yield entry.path
            elif stat.S_ISDIR(mode):
                waiting.append(entry.path)


def _is_below_hidden(known: Mapping[str, Entry], path: str) -> bool:
    """Nodes see not even the way to it."""
    return any(_is_hidden(known, str(above)) for above in PurePath(path).parents)


def _is_hidden(known: Mapping[str, Entry], path: str) -> bool:
    return path in known and not known[path].is_seen


def _users(root: str = "") -> dict[str, tuple[bytes, int]]:
    """Content and rights of the files that tell of users: the system's, without people, and the node's."""
    users = [line for line in _lines(root, "/etc/passwd") if not _is_person(line.split(":"))]
    groups = [line for line in _lines(root, "/etc/group") if not _is_person(line.split(":"))]
    users += [f"{name}:x:{number}:{PEOPLE}::/mnt/batch:/bin/sh" for name, number in USERS.items()]
    groups += [f"{GROUP}:x:{PEOPLE}:"]
    files = {
        "passwd": (users, 0o644),
        "group": (groups, 0o644),
        "shadow": ([f"{line.split(':')[0]}:*:19000:0:99999:7:::" for line in users], 0o640),
        "gshadow": ([f"{line.split(':')[0]}:*::" for line in groups], 0o640),
        **{name: ([], 0o644) for name in ("subuid", "subgid")},
    }
    return {
        f"/etc/{name}": ("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"), mode)
        for name, (lines, mode) in files.items()
    }


def _lines(root: str, path: str) -> list[str]:
    with contextlib.suppress(OSError):
        text = openat2.read(root or "/", path, _MOST).decode("utf-8", "surrogateescape")
        return [line for line in text.splitlines() if line.count(":") >= 2]
    return []


def _is_person(fields: list[str]) -> bool:
    """Also what cannot be read is left out."""
    return not fields[2].isdigit() or (int(fields[2]) >= PEOPLE and int(fields[2]) != NOBODY)
