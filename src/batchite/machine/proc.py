"""What the kernel says about processes, read from /proc.

A process number alone names nobody for long; together with its start time it does until the
machine boots again.

A process that is gone, or that this one may not look at, has nothing to say. Any other error is raised
as OSError: whoever has no descriptor left to look with has not seen that there is nobody.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NOTHING_TO_SEE = (FileNotFoundError, ProcessLookupError, PermissionError)


class Used(NamedTuple):
    """By one process."""

    memory: int
    """bytes that it has in memory"""
    seconds: float
    """of processors, with those of children that it has waited for"""


class Process(msgspec.Struct, frozen=True):
    pid: int
    state: str
    parent: int
    session: int
    terminal: int
    started: int
    """in clock ticks since boot"""

    @property
    def is_dead(self) -> bool:
        """Ended, only not reaped yet."""
        return self.state in "ZX"


def read(pid: int | str) -> Process | None:
    """None if there is no such process."""
    try:
        text = _content(f"/proc/{pid}/stat")
    except _NOTHING_TO_SEE:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(
        pid=int(pid),
        state=fields[0].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        terminal=int(fields[4]),
        started=int(fields[19]),
    )


def all_processes() -> Iterator[Process]:
    """Every process that is visible and not dead, the highest number (mostly the newest) first."""
    for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int, reverse=True):
        if (process := read(name)) is not None and not process.is_dead:
            yield process


def variables(pid: int) -> list[bytes]:
    """The environment the process was started with (NAME=value); empty if that cannot be seen."""
    try:
        return _content(f"/proc/{pid}/environ").split(b"\0")
    except _NOTHING_TO_SEE:
        return []


def words(pid: int) -> list[str]:
    """The command line; empty if that cannot be seen."""
    try:
        return [os.fsdecode(word) for word in _content(f"/proc/{pid}/cmdline").split(b"\0")[:-1]]
    except _NOTHING_TO_SEE:
        return []


def working_directory(pid: int) -> str:
    """Empty if it cannot be seen, or has no path that the kernel could tell."""
    return _target(f"/proc/{pid}/cwd")


def places(pid: int) -> list[str]:
    """Where the process works and what its standard output and error are; what can be seen of it."""
    found = (_target(f"/proc/{pid}/{name}") for name in ("cwd", "fd/1", "fd/2"))
    return [place for place in found if place]


def children(pid: int) -> list[int] | None:
    """The children of a process with one thread; None if this kernel does not list them."""
    try:
        return [int(child) for child in _content(f"/proc/{pid}/task/{pid}/children").split()]
    except _NOTHING_TO_SEE:
        return None


def used(pid: int) -> Used | None:
    """None if there is no such process."""
    try:
        text = _content(f"/proc/{pid}/stat")
    except _NOTHING_TO_SEE:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return Used(int(fields[21]) * _PAGE, sum(map(int, fields[11:15])) * _TICK)


def transferred(pid: int) -> tuple[int, int] | None:
    """Bytes that it has had read from disks and written to them, with those of children that it has waited
    for; None if that cannot be seen."""
    try:
        lines = dict(line.split(b": ") for line in _content(f"/proc/{pid}/io").splitlines())
        return int(lines[b"read_bytes"]), int(lines[b"write_bytes"])
    except (*_NOTHING_TO_SEE, KeyError, ValueError):
        return None


def share(pid: int) -> int | None:
    """Bytes that it has in memory, and of those that others have as well a part each; None if that cannot be
    seen."""
    try:
        text = _content(f"/proc/{pid}/smaps_rollup")
    except _NOTHING_TO_SEE:
        return None
    lines = (line.split() for line in text.splitlines() if line.startswith(b"Pss:"))
    return next((int(words[1]) * 1024 for words in lines), None)


def with_descendants(pids: Iterable[int]) -> set[int] | None:
    """These processes and all that descend from them; None if this kernel does not list children. What starts
    or ends meanwhile may be missed."""
    found: set[int] = set()
    waiting = [*pids]
    while waiting:
        pid = waiting.pop()
        if pid in found:
            continue
        found.add(pid)
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except _NOTHING_TO_SEE:
            continue
        for thread in threads:
            try:
                waiting += map(int, _content(f"/proc/{pid}/task/{thread}/children").split())
            except _NOTHING_TO_SEE:
                if not _lists_children():
                    return None
    return found


def _lists_children() -> bool:
    own = os.getpid()
    return os.path.exists(f"/proc/{own}/task/{own}/children")


def last_pid() -> int:
    """The number the kernel gave to the newest process or thread."""
    return int(_content("/proc/loadavg").split()[-1])


def boot_id() -> str:
    return _content("/proc/sys/kernel/random/boot_id").decode().strip()


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except _NOTHING_TO_SEE:
        return ""
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # what is deeper than a path is long has none
            return ""
        raise


def is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)
