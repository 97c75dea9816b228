"""`python -m batchite.nodes.sandbox.wrapped DESCRIPTOR PROCESSES`: the first process of a node behind a wall.

It has the same user as the commands that it starts, so it lets none of them look into it. No groups hold
these commands together: what they leave behind comes to this process, which ends it.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import sys
from functools import partial

from batchite.nodes.sandbox import kernel
from batchite.nodes.sandbox.base import ProcessExit
from batchite.nodes.sandbox.family import Family
from batchite.nodes.sandbox.leader import Leader, mark
from batchite.nodes.sandbox.requests import READY, Ended, Signal, Start
from batchite.nodes.sandbox.spawner import Spawner

_PAUSE_MILLISECONDS = 20.0
_COUNTS_BY_NAMESPACE = [5, 14]


class ClearingSpawner(Spawner):
    """Tells of the end of a command once nothing of it is left."""

    def __init__(self, agent: socket.socket) -> None:
        super().__init__(agent)
        self._family = Family(is_all=True)
        self._leaders: dict[int, Leader] = {}
        """of commands that are not over, by key"""

    def begun(self, request: Start, pid: int) -> None:
        place = os.path.dirname(request.directory)
        leader = Leader(mark(request.environment), place, partial(self._over, request.key))
        leader.pid = pid
        self._family.running[pid] = self._leaders[request.key] = leader

    def signal(self, request: Signal) -> None:
        leader = self._leaders.get(request.key)
        if leader is not None:
            leader.signal(request.number)

    def reap(self) -> None:
        self.patience = None if self._family.reap() else _PAUSE_MILLISECONDS

    def _over(self, key: int, end: ProcessExit) -> None:
        del self._leaders[key]
        self.tell(Ended(key, end.status, end.user_seconds, end.kernel_seconds, end.peak_bytes))


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
    spawner = ClearingSpawner(agent)
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
