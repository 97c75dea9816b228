"""Why a task is ended before its command comes to an end by itself, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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

    def overrides(self, other: Ending) -> bool:
        """Whether this one holds though the other was asked for first."""
        return self._rank > other._rank

    @property
    def _rank(self) -> tuple[int, bool]:
        return ("requeue", "complete", "remove").index(self.then), self.of_task


def _ended(message: str) -> Failure:
    return Failure("usererror", "TaskEnded", message)


TERMINATED = Ending("complete", True, _ended("The task was ended at the request of a user."))
DELETED = Ending("remove", True, _ended("The task was deleted."))
JOB_ENDED = Ending("complete", False, _ended("The task was ended because its job ends."))
INTENTS: Mapping[Intent, Ending] = {"terminate": TERMINATED, "delete": DELETED}
"""What a user may want of a task."""
NODE_LEAVES = Ending("requeue", False, Failure("servererror", "TaskEnded", "The node leaves the pool."))
