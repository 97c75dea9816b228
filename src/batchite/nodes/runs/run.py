"""One run of one command line: its phases in their order, what ended it, and what is said of it.

A run goes forward by callbacks; only a phase that waits for others gets an asyncio task of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from functools import partial

from batchite.nodes import failures
from batchite.nodes.definition import Definition, OutputFile, PackageReference
from batchite.nodes.failures import RunError
from batchite.nodes.places import Place
from batchite.nodes.runs import printed, system_changes, wall_clock
from batchite.nodes.runs.phases.base import Phase, Work
from batchite.nodes.runs.phases.directories import Directories
from batchite.nodes.runs.phases.process import Process
from batchite.nodes.runs.tools import Tools
from batchite.nodes.sandbox.base import ProcessExit
from batchite.wire.batch.outcome import UNUSED, Exit, Failure
from batchite.wire.ticks import Duration

Ended = Callable[[Exit], None]


def _untold(exit_: Exit) -> None:
    """Nobody hears how the run ended."""


class Run:
    """`ended` is told once, never from within `begin` or `end`."""

    __slots__ = (
        "_begun",
        "_definition",
        "_ended",
        "_failure",
        "_goes_on",
        "_has_ended_by_itself",
        "_has_files_since",
        "_is_over",
        "_is_retried",
        "_loop",
        "_packages",
        "_phase",
        "_phases",
        "_place",
        "_process",
        "_timer",
        "_tools",
        "_wall_clock",
        "started",
        "withholds",
    )

    def __init__(
        self,
        tools: Tools,
        definition: Definition,
        place: Place,
        ended: Ended,
        *,
        goes_on: bool,
        is_retried: bool = False,
    ) -> None:
        """`goes_on`: where the run before left off, if its directory is there still. `is_retried`: if its
        command ends with another code than 0, another run follows, and uploads its output files."""
        self._tools = tools
        self._definition = definition
        self._place = place
        self._ended = ended
        self._goes_on = goes_on and tools.sandbox.holds(place.directory.names)
        self._loop = asyncio.get_running_loop()
        self._is_retried = is_retried
        self._failure: Failure | None = None
        self._packages: dict[str, str] = {}
        self._is_over = False
        """no phase is begun any more"""
        self._has_ended_by_itself = False
        """the command, rather than for a failure"""
        self.withholds = False
        """output files, which are left to the run that follows"""
        self._phases = self._in_order()
        self._phase: Phase | None = None
        self._process = Process(tools, definition.command_line, place, self._packages)
        self._timer: asyncio.TimerHandle | None = None
        self._wall_clock = wall_clock.written(definition)
        self._begun: float | None = None
        self.started = tools.clock.now().ticks
        self._has_files_since: int | None = None

    def begin(self) -> None:
        self._begun = self._loop.time()
        try:
            self._limit(self._begun)
        except RunError as error:
            self._fail(error.failure)
        if self._comes_to_its_end():
            self._loop.call_soon(self._finish)

    def end(self, failure: Failure, grace: float = 0) -> None:
        """End the run before its time, with this failure; the first one given stays. Its command has so many
        seconds to end by itself, or as many as all have."""
        if self._is_over or self._phase is None:
            return
        self._fail(failure)
        self._stop_timer()
        self._phase.cancel(grace or self._tools.grace)

    def stop(self) -> None:
        """The node ends: go no further, wait for nobody and tell nobody. A command ends with its node."""
        self._is_over, self._ended = True, _untold
        self._stop_timer()
        if isinstance(self._phase, Work):
            self._phase.cancel(0)

    async def stopped(self) -> None:
        """Return when nothing is waited for any more."""
        if isinstance(self._phase, Work):
            await self._phase.over()

    def limit(self, limit: Duration) -> None:
        """The run may take so long, counted from its beginning, whatever its definition says. It does not
        matter any more once its command has ended."""
        self._wall_clock = str(limit)
        is_under_way = self._phase is not None and self._process.exit is None
        if self._begun is not None and self._failure is None and is_under_way:
            self._stop_timer()
            self._limit(self._begun)

    def _in_order(self) -> Iterator[Phase]:
        """Asked for the next one when the one before is over."""
        if not self._goes_on:
            yield Directories(self._tools.sandbox, self._place)
        if packages := self._definition.application_package_references:
            yield Work(partial(self._install, packages))
            self._has_files_since = self._tools.clock.now().ticks
        files = self._definition.resource_files
        if files and not self._goes_on:
            place = self._place
            yield Work(partial(self._tools.stage, files, place.directory, place.user))
            self._has_files_since = self._tools.clock.now().ticks
        yield self._process
        self._stop_timer()
        if outputs := self._due_for_upload():
            yield Work(partial(self._tools.upload, outputs, self._place, self._process.environment))

    async def _install(self, packages: tuple[PackageReference, ...]) -> None:
        self._packages |= await self._tools.install(packages)

    def _comes_to_its_end(self) -> bool:
        """Begin the next phase that takes time; true if there is none."""
        while not self._is_over and (phase := next(self._phases, None)) is not None:
            self._phase = phase
            try:
                if not phase.begin(self._has_passed):
                    return False
            except RunError as error:
                self._fail(error.failure)
        self._phase = None
        return True

    def _has_passed(self, failure: Failure | None) -> None:
        if self._phase is self._process and self._process.exit is not None:
            self._note_exit(self._process.exit)
        if failure is not None:
            self._fail(failure)
        if self._comes_to_its_end():
            self._finish()

    def _note_exit(self, exit_: ProcessExit) -> None:
        """Who wanted the command to end after it had come to its end came too late; but its output files are
        not uploaded any more."""
        self._has_ended_by_itself = not exit_.was_asked
        if self._has_ended_by_itself and not (self._is_over and self._due_for_upload()):
            self._failure = None

    def _fail(self, failure: Failure) -> None:
        self._failure = self._failure or failure
        self._is_over = True

    def _due_for_upload(self) -> tuple[OutputFile, ...]:
        if not (files := self._definition.output_files):
            return ()
        code = self._exit_code
        wanted = tuple(one for one in files if one.is_wanted(code))
        self.withholds = bool(code and wanted) and self._is_retried
        return () if self.withholds else wanted

    @property
    def _exit_code(self) -> int | None:
        exit_ = self._process.exit
        return exit_.exit_code if exit_ is not None and self._has_ended_by_itself else None

    def _limit(self, begun: float) -> None:
        try:
            limit = wall_clock.limit(self._wall_clock)
        except ValueError as error:
            failure = failures.user("InvalidConstraintValue", f"maxWallClockTime: {error}.")
            raise RunError(failure) from None
        if limit is not None:
            failure = failures.of_wall_clock(limit)
            self._timer = self._loop.call_at(begun + wall_clock.seconds(limit), self._take_too_long, failure)

    def _take_too_long(self, failure: Failure) -> None:
        """What the command has left by then is uploaded, as that of one that failed by itself."""
        if self._phase is self._process:
            self._failure = failure
            self._process.cancel(self._tools.grace)
        else:
            self.end(failure)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _finish(self) -> None:
        self._stop_timer()
        exit_, exit_code, failure = self._process.exit, self._exit_code, self._failure
        if exit_ is not None and exit_code and failure is None:
            failure = failures.of_exit_code(exit_code, is_memory=exit_.is_memory, note=self._note())
        line = printed.last_line(self._tools.sandbox.files, self._place.directory.names) if exit_code else ""
        now = self._tools.clock.now().ticks
        used = UNUSED if exit_ is None else exit_.used
        self._ended(Exit(self.started, now, exit_code, failure, line, self._has_files_since, used))

    def _note(self) -> str:
        return system_changes.note(
            self._definition.command_line,
            self._tools.sandbox.tier,
            is_admin=self._place.user.is_admin,
            is_root=os.geteuid() == 0,
        )
