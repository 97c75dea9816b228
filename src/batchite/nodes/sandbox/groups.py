"""Commands as process groups: every command is a session of its own below the agent.

The agent is a child subreaper, so that a process whose parent ends becomes the agent's own child,
whatever sessions and groups it has made itself. Therefore nothing that a command starts can get away
from the agent, and "no children left" is the kernel's word that nothing of the node runs.

One handler for SIGCHLD reaps them all. It looks at a dead child before reaping it, so that its
number cannot have been given away when its process group is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import signal
from collections.abc import Callable
from typing import NamedTuple

from batchite.nodes.sandbox import orphans, programs
from batchite.nodes.sandbox.base import Command, Names, Over, ProcessExit
from batchite.nodes.sandbox.leader import Leader
from batchite.nodes.sandbox.orphans import Orphans

_PR_SET_CHILD_SUBREAPER = 36
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""by Python, and in whatever a shell starts in the background; a task must not inherit that"""
_PAUSE_SECONDS = 0.02
"""between two looks at what has still to go"""
_KIB = 1024


class Streams(NamedTuple):
    """Descriptors that a command begins with; they stay the caller's."""

    working: int
    output: int
    errors: int


class ProcessGroups:
    """Must be made in the main thread of a running loop."""

    def __init__(self, place: Callable[[Names], str]) -> None:
        """`place`: the path of a run's directory, by which what it left behind is recognised."""
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._home = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._running: dict[int, Leader] = {}
        self._settling: list[Leader] = []
        self._orphans = Orphans(place)
        self._ending = False
        self._childless = asyncio.Event()
        _become_subreaper()
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(self, command: Command, streams: Streams, over: Over) -> Leader:
        leader = Leader(command, over)
        try:
            leader.pid = self._launch(command, streams)
        except OSError as error:
            self._loop.call_soon(over, error)
        except ValueError as error:  # of what no system call would be given
            self._loop.call_soon(over, OSError(errno.EINVAL, str(error)))
        else:
            self._running[leader.pid] = leader
        return leader

    async def end(self, grace: float) -> None:
        self._ending = True
        for leader in list(self._running.values()):
            leader.terminate()
        self._reap()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._childless.wait(), grace)
        while not self._childless.is_set():
            with contextlib.suppress(OSError):  # no descriptor to look with, for a moment
                for pid in orphans.all_children():
                    orphans.kill(pid)
            self._reap()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._childless.wait(), _PAUSE_SECONDS)

    def close(self) -> None:
        """Nothing may run any more."""
        self._loop.remove_signal_handler(signal.SIGCHLD)
        os.close(self._null)
        os.close(self._home)

    def _launch(self, command: Command, streams: Streams) -> int:
        """By posix_spawn, which takes half the time of `subprocess` but knows no working directory, so
        the agent itself goes there for that moment (nothing else in it uses relative paths)."""
        if self._ending:
            raise ProcessLookupError(errno.ESRCH, "the node is ending")
        os.fchdir(streams.working)
        try:
            return programs.call(
                command.words[0], command.environment, lambda path: self._spawn(path, command, streams)
            )
        finally:
            os.fchdir(self._home)

    def _spawn(self, path: str, command: Command, streams: Streams) -> int:
        return os.posix_spawn(
            path,
            command.words,
            command.environment,
            file_actions=(
                (os.POSIX_SPAWN_DUP2, self._null, 0),
                (os.POSIX_SPAWN_DUP2, streams.output, 1),
                (os.POSIX_SPAWN_DUP2, streams.errors, 2),
            ),
            setsid=True,
            setsigmask=(),
            setsigdef=_IGNORED,
        )

    def _reap(self) -> None:
        """Take note of every child that ended, then look for what they left behind."""
        ended: list[Leader] = []
        try:
            while (child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                leader = self._running.pop(child.si_pid, None)
                if leader is not None:
                    leader.kill()
                    ended.append(leader)
                _, status, usage = os.wait4(child.si_pid, 0)
                self._orphans.forget(child.si_pid)
                if leader is not None:
                    peak = usage.ru_maxrss * _KIB
                    leader.exit = ProcessExit.of(status, usage.ru_utime, usage.ru_stime, peak)
        except ChildProcessError:
            self._settle_all(ended)
            return
        self._settling += ended
        if self._settling or self._ending:
            try:
                self._clear(ended)
            except OSError:  # no descriptor to look with: nobody is over before that was done
                self._loop.call_later(_PAUSE_SECONDS, self._reap)

    def _settle_all(self, ended: list[Leader]) -> None:
        """There is no child at all, so nobody left anything behind."""
        settled, self._settling = self._settling + ended, []
        if self._ending:
            self._childless.set()
        self._tell(settled)

    def _clear(self, ended: list[Leader]) -> None:
        """Kill what ended commands left behind; those that left nothing are over."""
        found = self._orphans.find(ended, self._settling, self._running)
        owners = [self._owner(pid) for pid in found]
        owned = {owner.pid for owner in owners if owner is not None}
        hidden = not self._running and None in owners
        settled = [leader for leader in self._settling if not hidden and leader.pid not in owned]
        self._settling = [leader for leader in self._settling if hidden or leader.pid in owned]
        self._tell(settled)

    def _tell(self, settled: list[Leader]) -> None:
        for leader in settled:
            if leader.exit is not None:
                self._loop.call_soon(leader.over, leader.exit)

    def _owner(self, pid: int) -> Leader | None:
        """Whose orphan this is; it is killed if its command is over or nobody can own it."""
        owner = self._orphans.owner(pid, [*self._running.values(), *self._settling])
        if (owner is None and not self._running) or (owner is not None and owner.exit is not None):
            orphans.kill(pid)
        return owner


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the agent cannot become a child subreaper")
