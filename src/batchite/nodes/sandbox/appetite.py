"""How much memory the commands of a node take together, where no control group counts it.

What it counts is what processes have in memory, and of what several have in common a part each (PSS). That is
dear to find out; so it is asked only if even everything counted in full is too much.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping

from batchite.machine import proc
from batchite.machine.proc import Process
from batchite.nodes.sandbox.leader import Leader

_COUNTS = 2
"""A process that ends leaves its part to the others, and has been counted with it if it was looked at before
they were. So nobody has to go after one count."""


class Appetite:
    """Of all processes that this one sees, but for itself."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes."""
        self._limit = limit

    def greediest(self, leaders: Collection[Leader]) -> Leader | int | None:
        """If all together take more than the limit: the command that takes most, of those that run, or the
        number of a process that is none's. Raises OSError."""
        everyone = [process for process in proc.all_processes() if process.pid != os.getpid()]
        resident = {process.pid: _resident(process.pid) for process in everyone}
        if sum(resident.values()) <= self._limit:
            return None
        for _ in range(_COUNTS):
            shares = {pid: proc.share(pid) or 0 for pid in resident}
            if sum(shares.values()) <= self._limit:
                return None
        sums: dict[Leader | int, int] = {}
        for pid, owner in _owners(everyone, leaders).items():
            sums[owner] = sums.get(owner, 0) + shares[pid]
        return max(sums, key=lambda owner: sums[owner], default=None)


def _resident(pid: int) -> int:
    used = proc.used(pid)
    return 0 if used is None else used.memory


def _owners(everyone: Iterable[Process], leaders: Collection[Leader]) -> dict[int, Leader | int]:
    """Whose each process is; its own number where that cannot be told."""
    known = {process.pid: process for process in everyone}
    first = {leader.pid: leader for leader in leaders}
    return {pid: _by_descent(pid, known, first) or _by_signs(pid, leaders) or pid for pid in known}


def _by_descent(pid: int, known: Mapping[int, Process], first: Mapping[int, Leader]) -> Leader | None:
    """Or by session."""
    here = known.get(pid)
    while here is not None:
        owner = first.get(here.pid) or first.get(here.session)
        if owner is not None:
            return owner
        here = known.get(here.parent)
    return None


def _by_signs(pid: int, leaders: Collection[Leader]) -> Leader | None:
    """The mark in its environment, or where it works."""
    variables, place = set(proc.variables(pid)), proc.working_directory(pid)
    return next((one for one in leaders if one.mark in variables or proc.is_below(place, one.place)), None)
