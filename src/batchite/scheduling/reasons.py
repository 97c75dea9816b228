"""Why something does not happen yet: plain values with the facts, each kind with a code of its own.

They say nothing in words, and nothing of whom they are about, which whoever asks knows. Those of the
predicates are what placement goes by; of each kind without facts there is one value, so that asking costs
nothing. Facts that the predicates do not need are filled in by whoever explains.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from batchite.wire.ticks import Timestamp


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """Its code is the name of its kind."""

    @property
    def code(self) -> str:
        return type(self).__name__

    @property
    def facts(self) -> dict[str, Any]:
        """By their names here."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


# -- of a pool


class PoolMissing(Reason, frozen=True):
    """There is no pool of that id."""


class PoolDeleting(Reason, frozen=True):
    """It is being deleted, and has so many nodes left."""

    nodes: int


class PoolEmpty(Reason, frozen=True):
    """It has no nodes and is to have none."""


class PoolResizing(Reason, frozen=True):
    """It is coming to its size, for which there is time until then."""

    nodes: int
    target: int
    until: Timestamp


class PoolComplete(Reason, frozen=True):
    """It has as many nodes as it is to have."""

    nodes: int


class ResizeEnded(Reason, frozen=True):
    """Its last resize ended before it had as many nodes as it is to have."""

    nodes: int
    target: int
    at: Timestamp
    error: str = ""
    """the code of the pool's resize error"""


class CoreQuotaReached(Reason, frozen=True):
    """The account's cores leave no room for so many of the nodes."""

    missing: int
    cores_each: int
    used: int
    quota: int


class MaxNodesReached(Reason, frozen=True):
    """The machine is to bear no more nodes than this, of all accounts together."""

    missing: int
    used: int
    most: int


class ReplacementPause(Reason, frozen=True):
    """Nodes were lost before they had ever spoken; new ones come then."""

    until: Timestamp


# -- of a job


class JobDisabled(Reason, frozen=True):
    """No task of it starts until it is enabled."""


class JobEnding(Reason, frozen=True):
    """It ends or goes once its tasks have left their nodes."""

    state: Literal["terminating", "deleting"]


class JobCompleted(Reason, frozen=True):
    """It is over."""

    why: str = ""
    """its terminateReason"""


class ParallelTasksReached(Reason, frozen=True):
    """It may have so many tasks on nodes at a time, and has them."""

    most: int


class JobEmpty(Reason, frozen=True):
    """No task of it waits or runs."""


class NothingWaits(Reason, frozen=True):
    """All tasks that are not over are on nodes: so many."""

    on_nodes: int


# -- of a node


class NodeCreating(Reason, frozen=True):
    """The engine has not begun it yet."""


class NodeStartFails(Reason, frozen=True):
    """The engine could not begin it, for a reason of its own, and tries again."""

    error: str


class NodeStarting(Reason, frozen=True):
    """The engine has begun it, and its agent has not spoken yet."""


class NodeWaitsForStartTask(Reason, frozen=True):
    """The start task runs, or is to run again, and tasks wait until it has succeeded."""

    retries: int = 0
    exit_code: int | None = None
    """of the run before, if it failed"""


class NodeStartTaskFailed(Reason, frozen=True):
    """The start task failed, and tasks were to wait for its success."""

    exit_code: int | None = None
    error: str = ""


class NodeLeaving(Reason, frozen=True):
    """It is being removed from the pool."""


class NodeGivenUp(Reason, frozen=True):
    """Its agent has said nothing for so long that it is being killed."""


class NodeOutOfContact(Reason, frozen=True):
    """Its agent has no link to the service at present."""


class NodeFull(Reason, frozen=True):
    """All its slots are taken."""

    slots: int
    tasks: int


class NodeReady(Reason, frozen=True):
    """It would take a task of so many slots."""

    free: int


# -- of a task


class NodeTooSmall(Reason, frozen=True):
    """The task takes more slots than the node has, free or not."""

    wanted: int
    slots: int


class SlotsTaken(Reason, frozen=True):
    """The node has fewer free slots than the task takes."""

    wanted: int
    free: int


class JobsAhead(Reason, frozen=True):
    """Tasks of other jobs come first, by priority or, where the pool has it so, by age."""

    jobs: int
    tasks: int


class TasksAhead(Reason, frozen=True):
    """Of the job's own tasks so many come first."""

    tasks: int


class ManyTasksAhead(Reason, frozen=True):
    """Of the job's own tasks more than so many come first; they are not counted further."""

    tasks: int


class RetryPause(Reason, frozen=True):
    """It failed, and waits until then before it runs again."""

    until: Timestamp
    retries: int


class RetriesPause(Reason, frozen=True):
    """So many of the job's tasks pause before they run again, the first until then."""

    tasks: int
    until: Timestamp


class TaskNext(Reason, frozen=True):
    """Nothing keeps it: it is given to a node at the next turn."""


class TaskEnding(Reason, frozen=True):
    """Somebody has ended it, and it is still to come off its node or out of the queue."""


class TaskAssigned(Reason, frozen=True):
    """The node has it, and starts it when it has a slot for it."""

    node: str


class TaskFetchesFiles(Reason, frozen=True):
    """The node has taken it up and fetches its resource files; its command does not run yet."""

    node: str
    since: Timestamp


class TaskRunning(Reason, frozen=True):
    """It runs."""

    node: str
    since: Timestamp


class TaskCompleted(Reason, frozen=True):
    """It is over."""

    result: str
    exit_code: int | None
    error: str = ""


def kinds() -> list[type[Reason]]:
    """All there are, as they are written here."""
    return Reason.__subclasses__()
