"""What a node holds: tasks, first come, first served, as many at once as their slots allow; all else runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from batchite.link import messages
from batchite.link.messages import (
    EndRun,
    LimitRun,
    RecallRun,
    RunEnded,
    RunKey,
    RunReturned,
    RunStarted,
    key_of,
)
from batchite.nodes import definition, failures
from batchite.nodes.reports import Reports
from batchite.nodes.runs.failed_runs import FailedRuns
from batchite.nodes.runs.run import Run
from batchite.nodes.runs.tools import Tools
from batchite.wire.batch import directories
from batchite.wire.batch.outcome import Exit, Failure
from batchite.wire.batch.runs import Kind
from batchite.wire.ticks import Duration

_SUPERSEDED = failures.server("TaskEnded", "A newer attempt of this task replaced this one on the node.")


class _One:
    """What waits (`run` is None) or runs. `limit` is how long it may, where that is not as its definition
    says any more."""

    __slots__ = ("key", "limit", "message", "run", "slots")

    def __init__(self, message: messages.Run) -> None:
        self.key = key_of(message)
        self.message = message
        self.run: Run | None = None
        self.limit: Duration | None = None
        self.slots = message.slots if message.kind == "task" else 0


class Held:
    """Only the head of the queue is started: a task that needs many slots is not overtaken for ever."""

    def __init__(self, slots: int, tools: Tools, reports: Reports) -> None:
        self._free = slots
        self._tools = tools
        self._reports = reports
        self._held: dict[RunKey, _One] = {}
        self._attempts: dict[tuple[Kind, int], int] = {}
        self._queue: deque[_One] = deque()
        self._failed = FailedRuns()
        self._is_stopped = False

    def keys(self) -> Iterator[RunKey]:
        """Waiting or running."""
        return iter(self._held)

    def directories(self) -> set[tuple[str, ...]]:
        """Of what waits or runs for a job: the names of each below `workitems`."""
        of_jobs = (one.message for one in self._held.values() if one.message.job_id)
        return {directories.of_task(message.job_id, message.task_id)[1:] for message in of_jobs}

    def take(self, message: messages.Run) -> None:
        one = _One(message)
        if one.key in self._held or self._reports.holds(one.key):
            return
        self._end_older(one.key)
        self._held[one.key] = one
        if one.key.kind == "task":
            self._queue.append(one)
            self.advance()
        elif not self._is_stopped:
            self._start(one)

    def end(self, message: EndRun) -> None:
        """What is not here (any more) is reported as ended too, so that nobody waits for it."""
        key = key_of(message)
        one = self._held.get(key)
        if one is not None and one.run is not None:
            one.run.end(message.failure, Duration(message.notice).seconds)
        elif not self._reports.holds(key):
            self._forget(key)
            self._report_end(key, self._never_began(message.failure))
            self.advance()

    def limit(self, message: LimitRun) -> None:
        one = self._held.get(key_of(message))
        if one is None:
            return
        one.limit = Duration(message.ticks)
        if one.run is not None:
            one.run.limit(one.limit)

    def recall(self, message: RecallRun) -> None:
        key = key_of(message)
        one = self._held.get(key)
        if one is not None and one.run is None:
            self._forget(key)
            self._reports.add(RunReturned(self._reports.next_number, key.number, key.attempt, key.kind))
            self.advance()

    def advance(self) -> None:
        """Start what fits."""
        while self._queue and self._queue[0].slots <= self._free:
            self._start(self._queue.popleft())

    def stop(self) -> None:
        """Start nothing any more, and let what runs go no further; commands end with their node."""
        self._is_stopped = True
        self._queue.clear()
        for run in self._runs():
            run.stop()

    async def stopped(self) -> None:
        """Return when what runs uses nothing of the node's but its commands."""
        for run in self._runs():
            await run.stopped()

    def _runs(self) -> list[Run]:
        return [one.run for one in self._held.values() if one.run is not None]

    def _end_older(self, key: RunKey) -> None:
        attempt = self._attempts.get((key.kind, key.number))
        if attempt is not None:
            self.end(EndRun(key.number, attempt, _SUPERSEDED, kind=key.kind))
        self._attempts[key.kind, key.number] = key.attempt

    def _forget(self, key: RunKey) -> None:
        one = self._held.get(key)
        if one is not None:
            self._queue.remove(one)
            self._drop(one)

    def _drop(self, one: _One) -> None:
        key = one.key
        del self._held[key]
        if self._attempts.get((key.kind, key.number)) == key.attempt:  # none, if a newer one was over first
            del self._attempts[key.kind, key.number]

    def _start(self, one: _One) -> None:
        self._free -= one.slots
        try:
            one.run = self._make_run(one)
        except failures.RunError as error:
            self._over(one, self._never_began(error.failure))
            return
        except (ValueError, msgspec.DecodeError) as error:
            self._over(one, self._never_began(failures.unknown(error)))
            return
        key = one.key
        started = RunStarted(self._reports.next_number, key.number, key.attempt, one.run.started, key.kind)
        self._reports.add(started, soon=False)
        one.run.begin()

    def _make_run(self, one: _One) -> Run:
        content = definition.decode(one.message.definition)
        place = self._tools.places.of(one.message, content)

        def ended(exit_: Exit) -> None:
            self._over(one, exit_)
            self.advance()

        goes_on = self._failed.precede(one.message)
        is_retried = one.message.is_retried
        run = Run(self._tools, content, place, ended, goes_on=goes_on, is_retried=is_retried)
        if one.limit is not None:
            run.limit(one.limit)
        return run

    def _over(self, one: _One, exit_: Exit) -> None:
        self._free += one.slots
        self._drop(one)
        if exit_.exit_code:
            self._failed.add(one.message)
        run, one.run = one.run, None  # which knows how to say that it is over, and so `one`
        self._report_end(one.key, exit_, withheld=run is not None and run.withholds)

    def _never_began(self, failure: Failure) -> Exit:
        return Exit(None, self._tools.clock.now().ticks, None, failure)

    def _report_end(self, key: RunKey, exit_: Exit, *, withheld: bool = False) -> None:
        self._reports.add(RunEnded.of(self._reports.next_number, key, exit_, withheld=withheld))
