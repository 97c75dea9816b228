"""Why a task is ended before its command comes to an end by itself, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Failure:
    """What the API shows as `failureInfo`."""

    category: Literal["usererror", "servererror"]
    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to become of a task once it no longer runs: completed, queued again, or removed."""

    then: Literal["complete", "requeue", "remove"]
    failure: Failure


TERMINATED = Ending(
    "complete", Failure("usererror", "TaskEnded", "The task was ended at the request of a user.")
)
DELETED = Ending("remove", Failure("usererror", "TaskEnded", "The task was deleted."))
JOB_ENDED = Ending("complete", Failure("usererror", "TaskEnded", "The task was ended because its job ends."))
NODE_LEAVES = Ending("requeue", Failure("servererror", "TaskEnded", "The node leaves the pool."))
