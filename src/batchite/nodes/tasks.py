"""The tasks a node holds: first come, first served, as many at once as their slots allow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from batchite.link.messages import (
    EndTask,
    HeldTask,
    RecallTask,
    RunTask,
    TaskEnded,
    TaskReturned,
    TaskStarted,
)
from batchite.nodes import definition, failures, users
from batchite.nodes.environment import Environments
from batchite.nodes.failed_runs import FailedRuns
from batchite.nodes.reports import Reports
from batchite.nodes.run import Run, Tools
from batchite.wire.batch.outcome import Exit, Failure

_SUPERSEDED = failures.server("TaskEnded", "A newer attempt of this task replaced this one on the node.")


class Held:
    """A task that waits (`run` is None) or runs."""

    __slots__ = ("message", "run")

    def __init__(self, message: RunTask) -> None:
        self.message = message
        self.run: Run | None = None


class Tasks:
    """Only the head of the queue is started: a task that needs many slots is not overtaken for ever."""

    def __init__(self, slots: int, tools: Tools, environments: Environments, reports: Reports) -> None:
        self._free = slots
        self._tools = tools
        self._environments = environments
        self._reports = reports
        self._held: dict[tuple[int, int], Held] = {}
        self._attempts: dict[int, int] = {}
        self._queue: deque[Held] = deque()
        self._failed = FailedRuns()

    def held(self) -> Iterator[HeldTask]:
        """Waiting or running."""
        return (HeldTask(task, attempt) for task, attempt in self._held)

    def take(self, message: RunTask) -> None:
        key = (message.task, message.attempt)
        if key in self._held or self._reports.holds(*key):
            return
        self._end_older(message)
        held = self._held[key] = Held(message)
        self._queue.append(held)
        self.advance()

    def end(self, message: EndTask) -> None:
        """A task that is not here (any more) is reported as ended too, so that nobody waits for it."""
        key = (message.task, message.attempt)
        held = self._held.get(key)
        if held is not None and held.run is not None:
            held.run.end(message.failure)
        elif not self._reports.holds(*key):
            self._forget(key)
            self._report_end(message, self._never_began(message.failure))
            self.advance()

    def recall(self, message: RecallTask) -> None:
        key = (message.task, message.attempt)
        held = self._held.get(key)
        if held is not None and held.run is None:
            self._forget(key)
            self._reports.add(TaskReturned(self._reports.next_number, message.task, message.attempt))
            self.advance()

    def advance(self) -> None:
        """Start what fits."""
        while self._queue and self._queue[0].message.slots <= self._free:
            self._start(self._queue.popleft())

    def stop(self) -> None:
        """Start nothing any more."""
        self._queue.clear()

    def _end_older(self, message: RunTask) -> None:
        attempt = self._attempts.get(message.task)
        if attempt is not None:
            self.end(EndTask(message.task, attempt, _SUPERSEDED))
        self._attempts[message.task] = message.attempt

    def _forget(self, key: tuple[int, int]) -> None:
        held = self._held.get(key)
        if held is not None:
            self._queue.remove(held)
            self._drop(held)

    def _drop(self, held: Held) -> None:
        message = held.message
        del self._held[(message.task, message.attempt)]
        if self._attempts[message.task] == message.attempt:
            del self._attempts[message.task]

    def _start(self, held: Held) -> None:
        message = held.message
        self._free -= message.slots
        try:
            held.run = self._make_run(held)
        except (ValueError, msgspec.DecodeError) as error:
            self._over(held, self._never_began(failures.unknown(error)))
            return
        number = self._reports.next_number
        started = TaskStarted(number, message.task, message.attempt, held.run.started)
        self._reports.add(started, soon=False)
        held.run.begin()

    def _make_run(self, held: Held) -> Run:
        message = held.message
        content = definition.decode(message.definition)
        directory = self._tools.directories.task(message.job_id, message.task_id)
        user = users.of_task(content.user_identity, message.task)
        environment = self._environments.of_task(
            message.job_id, message.task_id, directory, user, content.environment_settings or ()
        )

        def ended(exit_: Exit) -> None:
            self._over(held, exit_)
            self.advance()

        goes_on = self._failed.precede(message)
        return Run(self._tools, content, directory, user, environment, ended, goes_on=goes_on)

    def _over(self, held: Held, exit_: Exit) -> None:
        message = held.message
        self._free += message.slots
        self._drop(held)
        if exit_.exit_code:
            self._failed.add(message)
        self._report_end(message, exit_)

    def _never_began(self, failure: Failure) -> Exit:
        return Exit(None, self._tools.clock.now().ticks, None, failure)

    def _report_end(self, message: RunTask | EndTask, exit_: Exit) -> None:
        self._reports.add(TaskEnded(self._reports.next_number, message.task, message.attempt, *exit_))
