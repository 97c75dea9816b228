"""`python -m batchite.nodes.sandbox.wrapped DESCRIPTOR PROCESSES MEMORY`: the first process behind a wall.

It has the same user as the commands that it starts, so it lets none of them look into it. No groups hold
these commands together: what they leave behind comes to this process, which ends it.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import socket
import sys
import time
from functools import partial

from batchite.nodes.sandbox import kernel
from batchite.nodes.sandbox.appetite import Appetite
from batchite.nodes.sandbox.base import ProcessExit
from batchite.nodes.sandbox.family import Family
from batchite.nodes.sandbox.leader import Leader, mark
from batchite.nodes.sandbox.requests import READY, Ended, Signal, Start
from batchite.nodes.sandbox.spawner import Spawner

_PAUSE_MILLISECONDS = 20.0
_LOOK_SECONDS = 0.25
"""between two looks at the memory that commands take"""
_COUNTS_BY_NAMESPACE = [5, 14]


class ClearingSpawner(Spawner):
    """Tells of the end of a command once nothing of it is left. When all take more memory than they may, the
    one that takes most is ended."""

    def __init__(self, agent: socket.socket, memory: int) -> None:
        """`memory`: bytes; 0: as much as they like."""
        super().__init__(agent)
        self._family = Family(is_all=True)
        self._appetite = Appetite(memory) if memory else None
        self._looked = 0.0
        self._greedy: Leader | None = None
        """which was ended for its memory, and is not over yet"""
        self._leaders: dict[int, Leader] = {}
        """of commands that are not over, by key"""

    def begun(self, request: Start, pid: int) -> None:
        place = os.path.dirname(request.directory)
        leader = Leader(mark(request.environment), place, partial(self._over, request.key))
        leader.pid = pid
        self._family.running[pid] = self._leaders[request.key] = leader
        if self.patience is None:
            self.patience = self._idle_patience

    def signal(self, request: Signal) -> None:
        leader = self._leaders.get(request.key)
        if leader is not None:
            leader.ask(request.number)

    def reap(self) -> None:
        is_done = self._family.reap()
        self._look()
        self.patience = self._idle_patience if is_done else _PAUSE_MILLISECONDS

    @property
    def _idle_patience(self) -> float | None:
        return _LOOK_SECONDS * 1000 if self._appetite is not None and self._leaders else None

    def _look(self) -> None:
        """One goes at a time, and then it is seen what the others take."""
        now = time.monotonic()
        is_time = now >= self._looked + _LOOK_SECONDS
        if self._appetite is None or self._greedy is not None or not is_time:
            return
        self._looked = now
        with contextlib.suppress(OSError):  # no descriptor to look with: the next time
            greedy = self._appetite.greediest(self._family.running.values())
            if isinstance(greedy, Leader):
                self._greedy = greedy
                greedy.signal(signal.SIGKILL)
            elif greedy is not None:
                os.kill(greedy, signal.SIGKILL)

    def _over(self, key: int, end: ProcessExit) -> None:
        is_greedy = self._leaders.pop(key) is self._greedy
        if is_greedy:
            self._greedy = None
        is_memory = is_greedy and end.signal == signal.SIGKILL
        self.tell(Ended(key, end.status, end.used, is_memory, end.was_asked))


def main() -> None:
    agent = socket.socket(fileno=int(sys.argv[1]))
    agent.set_inheritable(False)
    kernel.become_opaque()
    _limit(int(sys.argv[2]))
    os.environ.clear()
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.close(null)
    spawner = ClearingSpawner(agent, int(sys.argv[3]))
    agent.sendall(READY)
    with contextlib.suppress(OSError):
        spawner.serve()
    os._exit(0)


def _limit(processes: int) -> None:
    """Linux 5.14 and newer count the processes of a user in each namespace of users by themselves. Older ones
    would count what that user runs elsewhere, too."""
    release = [int(number) for number in re.findall(r"\d+", os.uname().release)[:2]]
    if release >= _COUNTS_BY_NAMESPACE:
        _, most = resource.getrlimit(resource.RLIMIT_NPROC)
        limit = processes if most == resource.RLIM_INFINITY else min(processes, most)
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))


if __name__ == "__main__":
    main()
