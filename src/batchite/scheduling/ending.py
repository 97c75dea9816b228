"""Why a task is ended before its command comes to an end by itself, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from batchite.resources.job_options import TasksOption
from batchite.wire.batch.outcome import Failure

Intent = Literal["terminate", "delete"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to become of a task once it no longer runs: completed, queued again, or removed.

    One that turns out never to have run was waiting, whatever its node had been told. It ends if that was
    asked `of_task`; what was asked of its job or node is about what runs, and it goes on waiting.
    """

    then: Literal["complete", "requeue", "remove"]
    of_task: bool
    failure: Failure
    notice: int = 0
    """ticks between asking its command to end and killing it; 0: as many as its agent gives anyway"""
    counts: bool = True
    """as requeued, if it waits again: the service's own doing does not"""

    def overrides(self, other: Ending) -> bool:
        """Whether this one holds though the other was asked for first."""
        return self._rank > other._rank

    @property
    def _rank(self) -> tuple[int, bool]:
        return ("requeue", "complete", "remove").index(self.then), self.of_task


def _ended(message: str) -> Failure:
    return Failure("usererror", "TaskEnded", message)


_DISABLED = "The task was ended because its job is disabled."
TERMINATED = Ending("complete", True, _ended("The task was ended at the request of a user."))
DELETED = Ending("remove", True, _ended("The task was deleted."))
JOB_ENDED = Ending("complete", False, _ended("The task was ended because its job ends."))
JOB_DISABLED: Mapping[TasksOption, Ending | None] = {
    "requeue": Ending("requeue", False, Failure("servererror", "TaskEnded", _DISABLED)),
    "terminate": Ending("complete", False, _ended(_DISABLED)),
    "wait": None,
}
"""What running tasks of a job that is disabled come to; None: to their own end."""
FORGOTTEN = Failure("servererror", "TaskEnded", "The task was ended because nobody waits for it any more.")
"""What nobody is told: of a task that has been taken from its node already."""
INTENTS: Mapping[Intent, Ending] = {"terminate": TERMINATED, "delete": DELETED}
"""What a user may want of a task."""
