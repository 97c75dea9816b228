"""The first process of a command, and what became of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from batchite.nodes.sandbox.base import Command, Over, ProcessExit


class Leader:
    """As `base.Running`: of a session and process group of its own. `pid` is 0 if it could not be started."""

    __slots__ = ("born", "command", "exit", "over", "pid")

    def __init__(self, command: Command, over: Over) -> None:
        self.pid = 0
        self.command = command
        self.over = over
        self.born = time.monotonic()
        self.exit: ProcessExit | None = None
        """set as soon as it was reaped, so that its number is not used any more"""

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid and self.exit is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
