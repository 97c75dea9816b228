"""Changes of tasks: how they move between states, what they are counted in, and where they go."""

from __future__ import annotations

from typing import Literal

import msgspec

from batchite.resources.causes import Cause
from batchite.resources.rules import RETENTION
from batchite.resources.states import CountedState
from batchite.wire.batch.outcome import MOST_SUMMED, UNUSED, Failure, Result, Used, result
from batchite.wire.ticks import Duration, Timestamp

Requeuing = Literal["retry", "requeue", "recovery", "returned", "unprepared", "preparation"]
OnNode = Literal["active", "preparing", "running"]
"""How a task is shown that a node has."""


def counter(state: OnNode | CountedState) -> CountedState:
    """In which a task of this state is counted."""
    return "running" if state == "preparing" else state


class TaskMoved(msgspec.Struct, frozen=True):
    """A task is counted in another state from now on, and some of them end a run."""

    task: int
    job: int
    slots: int
    id: str
    job_id: str

    @property
    def move(self) -> tuple[CountedState, CountedState | None]:
        """Out of which counter it goes and into which."""
        raise NotImplementedError

    def count(self, counts: Counted) -> None:
        before, after = self.move
        counts.add(before, -1)
        if after is not None:
            counts.add(after, 1)


class Preparing(TaskMoved, frozen=True):
    """Given to a node that is being prepared for its job, until it may start."""

    attempt: int
    node: int
    node_id: str

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return "active", "running"


class Started(TaskMoved, frozen=True):
    started: int
    node_id: str
    was: Literal["active", "preparing"] = "active"

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return counter(self.was), "running"


class Completed(TaskMoved, frozen=True):
    was: OnNode
    started: int | None
    ended: int
    exit_code: int | None
    failure: Failure | None
    last_line: str
    staged: int | None
    used: Used | None
    node_id: str | None
    """where it ran"""
    created: int
    satisfies: bool = False
    """tasks that depend on it may go on, in a job that has such"""
    was_blocked: bool = False
    """it waited for what it depends on"""
    retention: int = RETENTION
    """for how long its node keeps its files"""

    @property
    def satisfied(self) -> Literal[True] | None:
        """Once it is, it stays so."""
        return True if self.satisfies else None

    @property
    def files_until(self) -> int:
        """If there are any."""
        return (Timestamp(self.ended) + Duration(self.retention)).ticks

    @property
    def result(self) -> Result:
        return result(self.exit_code, self.failure)

    @property
    def succeeded(self) -> bool:
        return self.result == "success"

    @property
    def previous_state(self) -> OnNode:
        """As clients could see it, whether or not the start is stored by itself."""
        return self.was if self.started is None else "running"

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return counter(self.was), "succeeded" if self.succeeded else "failed"

    @property
    def wall_time(self) -> int:
        """Of this run."""
        return _between(self.started, self.ended)

    def count(self, counts: Counted) -> None:
        super().count(counts)
        counts.add_run(self.wall_time, self.used)
        counts.add("wait_time", _between(self.created, self.started))
        counts.add("blocked", -self.was_blocked)


class Satisfied(msgspec.Struct, frozen=True):
    """Tasks of the job that wait for this one may go on."""

    task: int
    job: int
    id: str


class Releasing(msgspec.Struct, frozen=True):
    """Of the job's tasks not all have been looked at for which something has come that they waited for."""

    job: int


class FilesForgotten(msgspec.Struct, frozen=True):
    """Nothing is left of what the last run of a task wrote, unless it has run again meanwhile, or was another
    node's."""

    task: int
    attempt: int
    node: int


class Failed(msgspec.Struct, frozen=True):
    """A task that completed is counted by the cause of its failure."""

    task: int
    job: int
    ended: int
    cause: Cause


class Requeued(TaskMoved, frozen=True):
    """Back to active. Only a `retry` counts as a retry, only a `requeue` as a requeue; what is `returned`
    never ran, so that nothing of it is to be seen. What waited for its job's preparation on the node is
    `unprepared`, or was kept from running by the failure of that `preparation`."""

    was: OnNode
    why: Requeuing
    at: int
    started: int | None
    node_id: str
    wall_time: int = 0
    """of the run, as far as it is to be counted"""
    used: Used | None = None

    @property
    def retried(self) -> int:
        return int(self.why == "retry")

    @property
    def requeued(self) -> int:
        return int(self.why == "requeue")

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return counter(self.was), "active"

    def count(self, counts: Counted) -> None:
        super().count(counts)
        counts.add_run(self.wall_time, self.used)
        counts.add("retries", self.retried)


class Removed(TaskMoved, frozen=True):
    """The task's row goes; `was` is the state it is counted in. What its job has used stays used."""

    was: OnNode | CountedState
    wall_time: int = 0
    """of a run that ended so"""
    used: Used | None = None
    was_blocked: bool = False
    """it waited for what it depends on"""

    @property
    def move(self) -> tuple[CountedState, None]:
        return counter(self.was), None

    def count(self, counts: Counted) -> None:
        super().count(counts)
        counts.add_run(self.wall_time, self.used)
        counts.add("blocked", -self.was_blocked)
        if self.was in ("succeeded", "failed"):
            counts.add(f"gone_{self.was}", 1)


class Counted(msgspec.Struct):
    """Differences of a job's counters of tasks with so many slots, and of the sums of what these used."""

    job: int
    slots: int
    active: int = 0
    blocked: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    gone_succeeded: int = 0
    gone_failed: int = 0
    retries: int = 0
    wall_time: int = 0
    wait_time: int = 0
    user_time: int = 0
    kernel_time: int = 0
    blocks_read: int = 0
    blocks_written: int = 0

    def add(self, name: str, amount: int) -> None:
        setattr(self, name, min(getattr(self, name) + amount, MOST_SUMMED))

    def add_run(self, wall_time: int, used: Used | None) -> None:
        self.add("wall_time", wall_time)
        if used is not None and used != UNUSED:
            for name in ("user_time", "kernel_time", "blocks_read", "blocks_written"):
                self.add(name, getattr(used, name))


def _between(start: int | None, end: int | None) -> int:
    """None is before anything began; clocks of two machines may differ."""
    return 0 if start is None or end is None else max(end - start, 0)


class Leased(msgspec.Struct, frozen=True):
    """Given to a node that may not have a slot for it yet; shown as active."""

    task: int
    attempt: int
    node: int
    node_id: str
