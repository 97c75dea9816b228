"""The commands below one process, to which everything comes that they leave behind.

The process is a child subreaper, or the first one of its node. So a process whose parent ends becomes its
own child, whatever sessions and groups it has made itself. Nothing that a command starts can get away, and
"no children left" is the kernel's word that nothing of the commands runs.

A dead child is looked at before it is reaped, so that its number cannot have been given away when its
process group is killed.
"""

from __future__ import annotations

import os
import signal

from batchite.nodes.sandbox import orphans, rusage
from batchite.nodes.sandbox.base import ProcessExit
from batchite.nodes.sandbox.leader import Leader
from batchite.nodes.sandbox.orphans import Orphans


class Family:
    """Each command is told to be over once nothing of it is left."""

    def __init__(self, *, is_all: bool = False) -> None:
        """`is_all`: this process sees those of its node only, so that it may look at all that it sees."""
        self._is_all = is_all
        self.running: dict[int, Leader] = {}
        """that were started, by number"""
        self.is_ending = False
        """whether nothing is started any more, and whatever is found shall go"""
        self.is_alone = False
        """whether it was ending and had no child at all when `reap` was called last"""
        self._settling: list[Leader] = []
        self._orphans = Orphans()

    def reap(self) -> bool:
        """Take note of every child that ended, then look for what they left behind. False if that could not
        be done, and is to be tried again in a moment."""
        ended: list[Leader] = []
        try:
            while (child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                leader = self.running.pop(child.si_pid, None)
                if leader is not None:
                    leader.signal(signal.SIGKILL)
                    ended.append(leader)
                known = None if leader is not None else self._of_group(child.si_pid, ended)
                _, status, told = os.wait4(child.si_pid, 0)
                owner = self._orphans.forget(child.si_pid) or known
                if leader is not None:
                    used = rusage.used(told)
                    leader.exit = ProcessExit.of(status, used, was_asked=leader.was_asked)
                elif owner is not None:
                    owner.left_used = owner.left_used.with_more(rusage.used(told))
        except ChildProcessError:
            self._settle_all(ended)
            return True
        self._settling += ended
        if self._settling or self.is_ending:
            try:
                self._clear(ended)
            except OSError:  # no descriptor to look with: nobody is over before that was done
                return False
        return True

    def _of_group(self, pid: int, ended: list[Leader]) -> Leader | None:
        """Whose process group a dead child was in, which may have died before anybody looked for it."""
        try:
            group = os.getpgid(pid)
        except ProcessLookupError:
            return None
        leaders = (*ended, *self._settling, *self.running.values())
        return next((leader for leader in leaders if leader.pid == group), None)

    def _settle_all(self, ended: list[Leader]) -> None:
        """There is no child at all, so nobody left anything behind."""
        settled, self._settling = self._settling + ended, []
        self.is_alone = self.is_ending
        self._tell(settled)

    def _clear(self, ended: list[Leader]) -> None:
        """Kill what ended commands left behind; those that left nothing are over."""
        found = self._orphans.find(ended, self._settling, self.running)
        owners = [self._owner(pid) for pid in found]
        owned = {owner.pid for owner in owners if owner is not None}
        if self._is_all:
            self._end_marked({owner.mark for owner in owners if owner is not None and owner.exit is not None})
        hidden = not self.running and None in owners
        settled = [leader for leader in self._settling if not hidden and leader.pid not in owned]
        self._settling = [leader for leader in self._settling if hidden or leader.pid in owned]
        self._tell(settled)

    def _end_marked(self, marks: set[bytes]) -> None:
        """Also what has not come here yet, unless another command goes on in the same directory."""
        marks -= {leader.mark for leader in self.running.values()}
        if marks:
            orphans.end_marked(marks)

    def _tell(self, settled: list[Leader]) -> None:
        for leader in settled:
            if leader.exit is not None:
                leader.over(leader.exit._replace(used=leader.exit.used.with_more(leader.left_used)))

    def _owner(self, pid: int) -> Leader | None:
        """Whose orphan this is; it is killed if its command is over or nobody can own it."""
        owner = self._orphans.owner(pid, [*self.running.values(), *self._settling])
        if (owner is None and not self.running) or (owner is not None and owner.exit is not None):
            orphans.kill(pid)
        return owner
