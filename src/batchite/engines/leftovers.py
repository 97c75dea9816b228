"""Processes of a node whose agent is gone: how to find them all and end them.

A process belongs to a node if it was started with the node's AZ_BATCH_NODE_ROOT_DIR; if it works in
a directory below the node's root or writes its output there, and has no terminal (somebody looking
around there in a shell is not of the node); if it descends from such a process or is in the session
of one. Sessions and processes are remembered from round to round, since killing a parent hides its
children.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from batchite import proc
from batchite.link.spec import ROOT_MARK

_PAUSES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)


class Leftovers:
    """The processes of the node whose root directory is `root`."""

    def __init__(self, root: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._root = root
        self._mark = os.fsencode(f"{ROOT_MARK}={root}")
        self._sessions: set[int] = set()
        self._seen: set[tuple[int, int]] = set()
        self._pause = pause

    def find(self) -> list[proc.Process]:
        """Those that run now."""
        ours = {os.getpid(), os.getppid()}
        everyone = [process for process in proc.all_processes() if process.pid not in ours]
        found = {process.pid: process for process in everyone if self._is_marked(process)}
        self._sessions &= {process.session for process in everyone}  # an empty one's number is given anew
        self._sessions |= {process.session for process in found.values()} - {os.getsid(0), 0}
        found |= {process.pid: process for process in everyone if process.session in self._sessions}
        _add_descendants(found, everyone)
        self._seen |= {(process.pid, process.started) for process in found.values()}
        return list(found.values())

    def kill(self) -> None:
        """Kill until none is left; blocks, however long the kernel takes.

        Processes may start others as fast as they are killed, so the newest go first, each as soon
        as it is found, and there is no pause as long as new ones turn up.
        """
        killed: set[tuple[int, int]] = set()
        idle_rounds = 0
        looked_twice = False
        while True:
            self._kill_marked()
            found = self.find()
            if not found and looked_twice:
                return
            looked_twice = not found  # a process just being started shows its marks a moment later
            if not found:
                self._pause(_PAUSES[0])
                continue
            for process in found:
                _kill(process)
            known = {(process.pid, process.started) for process in found}
            if known <= killed:
                self._pause(_PAUSES[min(idle_rounds, len(_PAUSES) - 1)])
                idle_rounds += 1
            killed |= known

    def _kill_marked(self) -> None:
        ours = {os.getpid(), os.getppid()}
        for process in proc.all_processes():
            if process.pid not in ours and self._is_marked(process):
                self._sessions |= {process.session} - {os.getsid(0), 0}
                self._seen.add((process.pid, process.started))
                _kill(process)

    def _is_below(self, place: str) -> bool:
        return proc.is_below(place, self._root)

    def _is_marked(self, process: proc.Process) -> bool:
        return (
            (process.pid, process.started) in self._seen
            or self._mark in proc.variables(process.pid)
            or (not process.terminal and any(map(self._is_below, proc.places(process.pid))))
        )


def _add_descendants(found: dict[int, proc.Process], everyone: list[proc.Process]) -> None:
    grown = True
    while grown:
        more = {process.pid: process for process in everyone if process.parent in found} | found
        grown = len(more) > len(found)
        found |= more


def _kill(process: proc.Process) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        current = proc.read(process.pid)
        if current is not None and current.started == process.started:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)
