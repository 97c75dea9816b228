"""Why something does not happen yet: plain values with the facts, each kind with a code of its own.

They say nothing in words, and nothing of whom they are about, which whoever asks knows. Those of the
predicates are what placement goes by; of each kind without facts there is one value, so that asking costs
nothing. Facts that the predicates do not need are filled in by whoever explains.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from batchite.resources.vacating import Option, Purpose
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

    pool: str = ""
    """the id, where a job names it"""


class PoolDeleting(Reason, frozen=True):
    """It is being deleted, and has so many nodes left."""

    nodes: int


class PoolEmpty(Reason, frozen=True):
    """It has no nodes and is to have none."""


class PoolResizing(Reason, frozen=True):
    """It is coming to its size, for which there is time until then; `leaving` more nodes are on their way
    out, None: none is."""

    nodes: int
    target: int
    until: Timestamp
    leaving: int | None = None


class PoolComplete(Reason, frozen=True):
    """It has as many nodes as it is to have."""

    nodes: int


class PoolScaled(Reason, frozen=True):
    """Its size goes by its autoscale formula, which has its next turn then."""

    until: Timestamp


class FormulaFailed(Reason, frozen=True):
    """Its autoscale formula came to nothing in its last turn, so it stays as it is until the next."""

    error: str
    until: Timestamp


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


class PortsTaken(Reason, frozen=True):
    """Nodes have all ports of an inbound NAT pool of the pool."""

    missing: int


class RoomPause(Reason, frozen=True):
    """There was no room for nodes that are missing; the pool asks for them again then."""

    until: Timestamp


class BootsPause(Reason, frozen=True):
    """So many of its nodes ended before they could take tasks; the first is tried again then."""

    failing: int
    until: Timestamp


# -- of a job schedule


class ScheduleDisabled(Reason, frozen=True):
    """It makes no jobs; one would be due then, or was."""

    due: Timestamp | None = None


class ScheduleWaitsForJob(Reason, frozen=True):
    """A job has been due since then, and cannot be made while the one before it is active. From `until` on it
    is not made any more; None: it is made whenever that may be."""

    job: str
    due: Timestamp
    until: Timestamp | None = None


class ScheduleJobActive(Reason, frozen=True):
    """Its job is active, and the next one is not due yet; None: there is none."""

    job: str
    due: Timestamp | None = None


class ScheduleWaits(Reason, frozen=True):
    """The next job is due then."""

    due: Timestamp


class ScheduleDue(Reason, frozen=True):
    """A job is due, and made at the next turn."""


class ScheduleMakesNoMore(Reason, frozen=True):
    """No run is left before the moment after which none is made; then it is over."""

    until: Timestamp


class ScheduleEnding(Reason, frozen=True):
    """It has been terminated or deleted, and ends with its jobs."""

    state: str


class ScheduleCompleted(Reason, frozen=True):
    """It is over, and has made so many jobs."""

    jobs: int


# -- of a job


class AutoPoolMissing(Reason, frozen=True):
    """The pool that was made for it is gone, while it is not over."""


class JobUnscheduled(Reason, frozen=True):
    """It is over because no pool could be made for it."""

    error: str
    """the message of its schedulingError"""


class JobDisabled(Reason, frozen=True):
    """No task of it starts until it is enabled."""


class JobDisabling(Reason, frozen=True):
    """No task of it starts, and it is disabled once its tasks are off their nodes."""


class JobEnabling(Reason, frozen=True):
    """Somebody has enabled it, and it is about to be active."""


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


class JobReleases(Reason, frozen=True):
    """It ends, and its release task runs on so many nodes, or is to run there."""

    nodes: int


class JobLeaves(Reason, frozen=True):
    """It goes to another pool, and its release task runs on so many nodes of this one, or is to run there."""

    nodes: int


class NothingWaits(Reason, frozen=True):
    """All tasks that are not over are on nodes: so many."""

    on_nodes: int


# -- of a node


class NodeCreating(Reason, frozen=True):
    """The engine has not begun it yet."""


class NodeStartFails(Reason, frozen=True):
    """The engine could not begin it, for a reason of its own, and tries again."""

    error: str


class NodePreparing(Reason, frozen=True):
    """Its agent has spoken, and sees to the application packages of the pool."""


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


class NodeRebooting(Reason, frozen=True):
    """It boots again, at somebody's wish: it is being ended or begun."""


class NodeReimaging(Reason, frozen=True):
    """It is being made anew, at somebody's wish."""


class NodeDisabled(Reason, frozen=True):
    """Somebody wants it to take no tasks."""


class NodeUnusable(Reason, frozen=True):
    """Its boot failed, and it rests until it is tried again."""

    error: str = ""


class NodeDeallocating(Reason, frozen=True):
    """It is being ended, and stays in the pool, at somebody's wish."""


class NodeDeallocated(Reason, frozen=True):
    """It was ended, at somebody's wish, until somebody starts it."""


class NodePreempting(Reason, frozen=True):
    """It is about to be taken away; what runs there has been told."""


class NodePreempted(Reason, frozen=True):
    """It was taken away, until there is a machine for it again."""


class NodeLeaving(Reason, frozen=True):
    """It is being removed from the pool."""


class NodeVacating(Reason, frozen=True):
    """It takes no more tasks, for a purpose. By its option it waits first for the tasks that it has, or until
    nobody may want their files any more."""

    purpose: Purpose
    option: Option
    tasks: int | None = None
    until: Timestamp | None = None


class NodeGivenUp(Reason, frozen=True):
    """Its agent has said nothing for so long that it is being killed."""


class NodeOutOfContact(Reason, frozen=True):
    """Its agent has no link to the service at present."""


class NodePreparationFailed(Reason, frozen=True):
    """The preparation task of this job failed there, so it takes no tasks of it."""

    job: str
    exit_code: int | None = None


class NodeLowPriority(Reason, frozen=True):
    """It may be taken away at any time, and the task is a manager that is not for such nodes."""


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


class ManagerRunsAlone(Reason, frozen=True):
    """It is a manager that runs on a node alone, so it takes all slots of one, which are so many."""

    slots: int


class SlotsTaken(Reason, frozen=True):
    """The node has fewer free slots than the task takes."""

    wanted: int
    free: int


class SlotsKept(Reason, frozen=True):
    """The node keeps what is free of its slots for a task that takes so many, which has been the first of its
    lane since then and found no room."""

    job: str
    task: str
    slots: int
    since: Timestamp


class JobsAhead(Reason, frozen=True):
    """Tasks of other jobs come first, by priority or, where the pool has it so, by age."""

    jobs: int
    tasks: int


class SharesAhead(Reason, frozen=True):
    """Jobs share slots by the metadata `item`, and tasks of other tags come first, which have fewer slots in
    use than the `slots` of this job's."""

    item: str
    slots: int
    tags: int
    tasks: int


class TasksAhead(Reason, frozen=True):
    """Of the job's own tasks so many come first."""

    tasks: int


class ManyTasksAhead(Reason, frozen=True):
    """Of the job's own tasks more than so many come first; they are not counted further."""

    tasks: int


class DependencyMissing(Reason, frozen=True):
    """It depends on a task that there is not, or none yet."""

    task: str
    range: str = ""
    """that it depends on, where the task is one of a range; so in those that follow"""


class DependencyUnfinished(Reason, frozen=True):
    """It depends on a task that is not over."""

    task: str
    state: str
    range: str = ""


class DependencyFailed(Reason, frozen=True):
    """It depends on a task that is over, in a way with which that is not satisfied."""

    task: str
    exit_code: int | None
    """None where that is not why it failed"""
    range: str = ""
    error: str = ""


class DependencyOnItself(Reason, frozen=True):
    """It depends on itself, so it never runs."""

    range: str = ""


class DependencyCircle(Reason, frozen=True):
    """It depends on itself by others: each of these waits for the next, and the last for the first."""

    tasks: str


class CommandNeedsShell(Reason, frozen=True):
    """Its command line has words that mean something to a shell, and starts none."""

    words: str


class TaskReleased(Reason, frozen=True):
    """All that it depends on is satisfied; it is about to wait for a node."""


class TasksBlocked(Reason, frozen=True):
    """So many of the job's tasks wait for what they depend on."""

    tasks: int
    task: str = ""
    """one of them"""


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


class TaskPreparing(Reason, frozen=True):
    """The node has it, and runs the preparation task of its job first."""

    node: str
    since: Timestamp


class TaskFetchesFiles(Reason, frozen=True):
    """The node has taken it up and fetches its resource files; its command does not run yet."""

    node: str
    since: Timestamp


class TaskRunning(Reason, frozen=True):
    """It runs."""

    node: str
    since: Timestamp


class TaskUploadsFiles(Reason, frozen=True):
    """Its command has ended, and the node uploads its output files. `since` is when it was taken up."""

    node: str
    since: Timestamp


class TaskCompleted(Reason, frozen=True):
    """It is over."""

    result: str
    exit_code: int | None
    error: str = ""


class TaskFilesGone(Reason, frozen=True):
    """It is over, and its files are kept no more."""


def kinds() -> list[type[Reason]]:
    """All there are, as they are written here."""
    return Reason.__subclasses__()
