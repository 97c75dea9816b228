"""Commands as process groups: every command is a session of its own below the agent.

The agent is a child subreaper, and one handler for SIGCHLD reaps them all (`family`).
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

from batchite.nodes.sandbox import orphans, programs, terminals
from batchite.nodes.sandbox.base import Command, Names, Over, ProcessExit
from batchite.nodes.sandbox.family import Family
from batchite.nodes.sandbox.leader import Leader, mark

_PR_SET_CHILD_SUBREAPER = 36
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""by Python, and in whatever a shell starts in the background; a task must not inherit that"""
_PAUSE_SECONDS = 0.02
"""between two looks at what has still to go"""


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
        self._place = place
        self._family = Family()
        self._childless = asyncio.Event()
        _become_subreaper()
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(self, command: Command, streams: Streams, over: Over) -> Leader:
        def later(end: ProcessExit | OSError) -> None:
            self._loop.call_soon(over, end)

        leader = Leader(mark(command.environment), self._place(command.directory), later)
        try:
            leader.pid = self._launch(command, streams)
        except OSError as error:
            later(error)
        except ValueError as error:  # of what no system call would be given
            later(OSError(errno.EINVAL, str(error)))
        else:
            self._family.running[leader.pid] = leader
        return leader

    async def end(self, grace: float) -> None:
        self._family.is_ending = True
        for leader in list(self._family.running.values()):
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
        if self._family.is_ending:
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
            file_actions=terminals.actions(command.terminal)
            if command.terminal is not None
            else (
                (os.POSIX_SPAWN_DUP2, self._null, 0),
                (os.POSIX_SPAWN_DUP2, streams.output, 1),
                (os.POSIX_SPAWN_DUP2, streams.errors, 2),
            ),
            setsid=True,
            setsigmask=(),
            setsigdef=_IGNORED,
        )

    def _reap(self) -> None:
        if not self._family.reap():
            self._loop.call_later(_PAUSE_SECONDS, self._reap)
        if self._family.is_alone:
            self._childless.set()


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the agent cannot become a child subreaper")
