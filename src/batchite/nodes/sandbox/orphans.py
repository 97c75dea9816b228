"""What commands left behind: processes that came to the agent when their parents ended, and whose they are.

They show it by the mark in their environment, by their session or by where they work; one that hides all of
this is nobody's, and goes at the latest when no command runs any more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Sequence, Set

from batchite.machine import proc
from batchite.nodes.sandbox.leader import Leader

_SHORT_SECONDS = 1.0
_SHORT_RANGE = 256
_MOST_ROUNDS = 20


class Orphans:
    """Children of this process which it did not start itself. Methods raise OSError."""

    def __init__(self) -> None:
        self._owners: dict[int, Leader] = {}

    def forget(self, pid: int) -> Leader | None:
        """It was reaped; returns whose it was, if that was found out."""
        return self._owners.pop(pid, None)

    def find(
        self, ended: Sequence[Leader], settling: Sequence[Leader], running: Collection[int]
    ) -> list[int]:
        """Their numbers. `ended` are those of the commands `settling` that ended just now, `running` the
        first processes of the others."""
        children = proc.children(os.getpid())
        if children is None and len(ended) == len(settling):
            children = _recent_children(ended)
        if children is None:
            children = all_children()
        return [pid for pid in children if pid not in running]

    def owner(self, pid: int, candidates: Sequence[Leader]) -> Leader | None:
        """Of which of these commands it was left behind, if that can be told."""
        owner = self._owners.get(pid) or self._find_owner(pid, candidates)
        if owner is not None:
            self._owners[pid] = owner
        return owner

    def _find_owner(self, pid: int, candidates: Sequence[Leader]) -> Leader | None:
        process = proc.read(pid)
        if process is None or process.is_dead:
            return None
        marks = {leader.mark: leader for leader in candidates}
        for variable in proc.variables(pid):
            if variable in marks:
                return marks[variable]
        where = proc.working_directory(pid)
        for leader in candidates:
            if process.session == leader.pid or proc.is_below(where, leader.place):
                return leader
        return None


def all_children() -> list[int]:
    me = os.getpid()
    return [process.pid for process in proc.all_processes() if process.parent == me]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def end_marked(marks: Set[bytes]) -> None:
    """Kill all whose environment has one of these marks. They are stopped first, all of them: processes that
    multiply up to a limit would go on as long as one that is killed makes room for another."""
    stopped: set[int] = set()
    for _ in range(_MOST_ROUNDS):
        found = {process.pid for process in proc.all_processes()} - stopped
        found = {pid for pid in found if not marks.isdisjoint(proc.variables(pid))}
        if not found:
            break
        for pid in found:
            kill(pid, signal.SIGSTOP)
        stopped |= found
    for pid in stopped:
        kill(pid)


def _recent_children(ended: Sequence[Leader]) -> list[int] | None:
    """What runs that were short can have left, told by the numbers given out since they began.

    None if they were not so short, or if numbers began anew.
    """
    if not ended:
        return None
    first, last = min(leader.pid for leader in ended), proc.last_pid()
    age = time.monotonic() - min(leader.born for leader in ended)
    if age > _SHORT_SECONDS or not 0 <= last - first <= _SHORT_RANGE:
        return None
    return [pid for pid in range(first + 1, last + 1) if _is_child(pid)]


def _is_child(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and not process.is_dead and process.parent == os.getpid()
