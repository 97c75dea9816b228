"""The first process of a command, and what became of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from batchite.nodes.sandbox.base import TASK_MARK, ProcessExit
from batchite.wire.batch.outcome import UNUSED

Told: TypeAlias = Callable[[ProcessExit], object]


class Leader:
    """As `base.Running`: of a session and process group of its own. `pid` is 0 if it could not be started."""

    __slots__ = ("born", "exit", "left_used", "mark", "over", "pid", "place", "was_asked")

    def __init__(self, mark: bytes, place: str, over: Told) -> None:
        """`mark`: what is in the environment of this command, `place` the path of the directory that it is to
        work in; by these what it left behind is recognised. `over` is told when nothing of it is left."""
        self.pid = 0
        self.mark = mark
        self.place = place
        self.over = over
        self.born = time.monotonic()
        self.exit: ProcessExit | None = None
        """set as soon as it was reaped, so that its number is not used any more"""
        self.left_used = UNUSED
        """by processes that it left behind and that have ended"""
        self.was_asked = False
        """to end, while it ran"""

    def terminate(self) -> None:
        self.ask(signal.SIGTERM)

    def kill(self) -> None:
        self.ask(signal.SIGKILL)

    def ask(self, number: int) -> None:
        """For whoever wants it to end."""
        self.was_asked |= self.pid != 0 and self.exit is None and runs(self.pid)
        self.signal(number)

    def signal(self, number: int) -> None:
        """To its whole process group."""
        if self.pid and self.exit is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def runs(child: int) -> bool:
    """Whether a child that has not been reaped goes on."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def mark(environment: Mapping[str, str]) -> bytes:
    """Of the command that has this environment."""
    return os.fsencode(f"{TASK_MARK}={environment[TASK_MARK]}")
