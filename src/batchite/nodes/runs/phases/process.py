"""The command itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from batchite.nodes import failures
from batchite.nodes.failures import RunError
from batchite.nodes.places import Place
from batchite.nodes.runs.phases.base import Over
from batchite.nodes.runs.tools import Tools
from batchite.nodes.sandbox.base import Command, ProcessExit, Running


class Process:
    """`exit` is how it ended, once it has; it stays None for a program that could not be started.
    `packages` are variables of its application packages, which are known when it begins."""

    __slots__ = (
        "_command_line",
        "_kill",
        "_over",
        "_packages",
        "_place",
        "_running",
        "_tools",
        "environment",
        "exit",
    )

    def __init__(self, tools: Tools, command_line: str, place: Place, packages: Mapping[str, str]) -> None:
        self._tools = tools
        self._command_line = command_line
        self._place = place
        self._packages = packages
        self.environment: dict[str, str] = {}
        """the command's, once it has begun"""
        self._over: Over | None = None
        self._running: Running | None = None
        self._kill: asyncio.TimerHandle | None = None
        self.exit: ProcessExit | None = None

    def begin(self, over: Over) -> bool:
        try:
            words = self._tools.split(self._command_line)
        except ValueError as error:
            raise RunError(failures.of_launch("", str(error))) from None
        self.environment = self._tools.environments.of(self._place, self._packages)
        command = Command(words, self.environment, self._place.directory.names, self._place.user)
        self._over = over
        try:
            self._running = self._tools.sandbox.spawn(command, partial(self._ended, words[0]))
        except OSError as error:
            failure = failures.of_system(error, "ResourceFileCreateFailed", "creating the output files")
            raise RunError(failure) from None
        return False

    def cancel(self, seconds: float) -> None:
        if self._kill is not None:
            self._kill.cancel()
        if self._running is not None:
            self._running.terminate()
            self._kill = asyncio.get_running_loop().call_later(seconds, self._running.kill)

    def _ended(self, program: str, end: ProcessExit | OSError) -> None:
        if self._kill is not None:
            self._kill.cancel()
        over, self._over = self._over, None
        if over is None:
            return
        if isinstance(end, OSError):
            over(failures.of_program(program, end))
        else:
            self.exit = end
            over(None)
