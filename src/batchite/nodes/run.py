"""One run of one command line: directories, files, the process, its end.

A run goes forward by callbacks; only a run that has files to fetch gets an asyncio task of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import partial

import msgspec

from batchite.nodes import command_line, failures, printed, system_changes, wall_clock
from batchite.nodes.definition import Definition, ResourceFile
from batchite.nodes.directories import NodeDirectories, RunDirectory
from batchite.nodes.sandbox.base import Command, ProcessExit, Running, Sandbox, User
from batchite.wire.batch.outcome import Exit, Failure
from batchite.wire.ticks import Clock

KILL_GRACE_SECONDS = 3.0
"""Between SIGTERM and SIGKILL; shorter than the API waits for a task to be terminated."""


Ended = Callable[[Exit], None]

Stage = Callable[[tuple[ResourceFile, ...], RunDirectory, User], Coroutine[None, None, None]]
"""Fetches a user's files into a working directory; raises RunError."""


class Tools(msgspec.Struct, frozen=True):
    """What every run of a node needs."""

    sandbox: Sandbox
    directories: NodeDirectories
    clock: Clock
    stage: Stage
    grace: float = KILL_GRACE_SECONDS
    split: Callable[[str], list[str]] = command_line.split
    """from a command line to its words; raises ValueError"""


class Run:
    """`ended` is told once, never from within `begin` or `end`."""

    __slots__ = (
        "_definition",
        "_directory",
        "_ended",
        "_environment",
        "_failure",
        "_goes_on",
        "_has_files_since",
        "_loop",
        "_process",
        "_staging",
        "_timer",
        "_tools",
        "_user",
        "started",
    )

    def __init__(
        self,
        tools: Tools,
        definition: Definition,
        directory: RunDirectory,
        user: User,
        environment: dict[str, str],
        ended: Ended,
        *,
        goes_on: bool,
    ) -> None:
        """`goes_on`: where the run before left off, if its directory is there still."""
        self._tools = tools
        self._definition = definition
        self._directory = directory
        self._user = user
        self._environment = environment
        self._ended: Ended | None = ended
        self._goes_on = goes_on and tools.sandbox.holds(directory.names)
        self._loop = asyncio.get_running_loop()
        self._failure: Failure | None = None
        self._process: Running | None = None
        self._staging: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.started = tools.clock.now().ticks
        self._has_files_since: int | None = None

    def begin(self) -> None:
        try:
            self._limit()
            if not self._goes_on:
                self._prepare()
        except failures.RunError as error:
            self._fail(error.failure)
            return
        if self._definition.resource_files and not self._goes_on:
            stage = self._tools.stage(self._definition.resource_files, self._directory, self._user)
            self._staging = self._loop.create_task(stage)
            self._staging.add_done_callback(self._staged)
        else:
            self._launch()

    def end(self, failure: Failure) -> None:
        """End the run before its time, with this failure; the first one given stays."""
        if self._failure is not None or self._ended is None:
            return
        self._failure = failure
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._process.terminate()
            self._timer = self._loop.call_later(self._tools.grace, self._process.kill)
        elif self._staging is not None:
            self._staging.cancel()

    def _limit(self) -> None:
        try:
            limit = wall_clock.limit(self._definition)
        except ValueError as error:
            failure = failures.user("InvalidConstraintValue", f"maxWallClockTime: {error}.")
            raise failures.RunError(failure) from None
        if limit is not None:
            failure = failures.of_wall_clock(limit)
            self._timer = self._loop.call_later(wall_clock.seconds(limit), self.end, failure)

    def _prepare(self) -> None:
        try:
            self._tools.sandbox.prepare(self._directory.names, self._user)
        except OSError as error:
            failure = failures.of_system(error, "ResourceDirectoryCreateFailed", "making the directories")
            raise failures.RunError(failure) from None

    def _staged(self, staging: asyncio.Task[None]) -> None:
        self._staging = None
        error = None if staging.cancelled() else staging.exception()
        if isinstance(error, failures.RunError):
            self._fail(error.failure)
        elif error is not None:
            self._fail(failures.unknown(error))
        elif self._failure is not None or staging.cancelled():
            self._finish(None)
        else:
            self._has_files_since = self._tools.clock.now().ticks
            self._launch()

    def _launch(self) -> None:
        try:
            words = self._tools.split(self._definition.command_line)
        except ValueError as error:
            self._fail(failures.of_launch("", str(error)))
            return
        command = Command(words, self._environment, self._directory.names, self._user)
        try:
            self._process = self._tools.sandbox.spawn(command, partial(self._over, words[0]))
        except OSError as error:
            failure = failures.of_system(error, "ResourceFileCreateFailed", "creating the output files")
            self._fail(failure)

    def _over(self, program: str, end: ProcessExit | OSError) -> None:
        if isinstance(end, OSError):
            self._failure = self._failure or failures.of_program(program, end)
            self._finish(None)
        else:
            self._finish(end)

    def _fail(self, failure: Failure) -> None:
        """The run cannot go on and nothing of it runs."""
        self._failure = self._failure or failure
        self._loop.call_soon(self._finish, None)

    def _note(self) -> str:
        return system_changes.note(
            self._definition.command_line,
            self._tools.sandbox.tier,
            is_admin=self._user.is_admin,
            is_root=os.geteuid() == 0,
        )

    def _finish(self, end: ProcessExit | None) -> None:
        """`end` counts unless the run was ended before its time."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        failure = self._failure
        exit_code = end.exit_code if end is not None and failure is None else None
        if end is not None and exit_code:
            failure = failures.of_exit_code(exit_code, is_memory=end.is_memory, note=self._note())
        line = printed.last_line(self._tools.sandbox.files, self._directory.names) if exit_code else ""
        now = self._tools.clock.now().ticks
        ended(Exit(self.started, now, exit_code, failure, line, self._has_files_since))
