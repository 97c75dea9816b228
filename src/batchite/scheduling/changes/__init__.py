"""What the reactor wants of the store: a kind of change for each statement of an owner's commit.

The changes of one batch are applied kind by kind, as `dispatch.committer` says. A task is at most once in
each, and a later decision about it takes the place of an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import msgspec

from batchite.resources import causes
from batchite.resources.states import BEGINNING
from batchite.scheduling.changes.job_nodes import (
    NodeUsed,
    PreparationChanged,
    PreparationDropped,
    PreparationRetried,
    PreparationWanted,
    ReleaseChanged,
    ReleaseDropped,
    ReleaseWanted,
)
from batchite.scheduling.changes.jobs import (
    JobCompleted,
    JobDisabled,
    JobDisabling,
    JobEnabled,
    JobMoved,
    JobTerminating,
    Strayed,
)
from batchite.scheduling.changes.nodes import (
    CoresReturned,
    NodeBooted,
    NodeCame,
    NodeChanged,
    NodeMoved,
    NodeRemoved,
    NodeReset,
    NodeRested,
    NodeTasks,
    NodeVacating,
    NodeWent,
    StartTaskChanged,
)
from batchite.scheduling.changes.pools import (
    FormulaTurned,
    NodesWanted,
    PoolRemoved,
    ResizeEnded,
    Sampled,
    TargetMet,
)
from batchite.scheduling.changes.tasks import (
    Completed,
    Counted,
    Failed,
    FilesForgotten,
    Leased,
    Preparing,
    Releasing,
    Removed,
    Requeued,
    Satisfied,
    Started,
    TaskMoved,
)
from batchite.scheduling.changes.times import DueCleared, DueSet, Paused


class Changes(msgspec.Struct):
    preparing: list[Preparing] = msgspec.field(default_factory=list)
    started: dict[int, Started] = msgspec.field(default_factory=dict)
    completed: list[Completed] = msgspec.field(default_factory=list)
    requeued: dict[int, Requeued] = msgspec.field(default_factory=dict)
    removed: list[Removed] = msgspec.field(default_factory=list)
    releasing: dict[int, Releasing] = msgspec.field(default_factory=dict)
    """by job"""
    files_forgotten: list[FilesForgotten] = msgspec.field(default_factory=list)
    leased: list[Leased] = msgspec.field(default_factory=list)
    preparation_wanted: list[PreparationWanted] = msgspec.field(default_factory=list)
    preparation_changed: list[PreparationChanged] = msgspec.field(default_factory=list)
    preparation_retried: list[PreparationRetried] = msgspec.field(default_factory=list)
    preparation_dropped: list[PreparationDropped] = msgspec.field(default_factory=list)
    node_used: list[NodeUsed] = msgspec.field(default_factory=list)
    release_wanted: list[ReleaseWanted] = msgspec.field(default_factory=list)
    release_changed: list[ReleaseChanged] = msgspec.field(default_factory=list)
    release_dropped: list[ReleaseDropped] = msgspec.field(default_factory=list)
    node_booted: list[NodeBooted] = msgspec.field(default_factory=list)
    node_changed: list[NodeChanged] = msgspec.field(default_factory=list)
    node_vacating: list[NodeVacating] = msgspec.field(default_factory=list)
    node_tasks: dict[int, NodeTasks] = msgspec.field(default_factory=dict)
    """by number of the node"""
    start_task_changed: list[StartTaskChanged] = msgspec.field(default_factory=list)
    node_reset: list[NodeReset] = msgspec.field(default_factory=list)
    node_rested: list[NodeRested] = msgspec.field(default_factory=list)
    node_removed: list[NodeRemoved] = msgspec.field(default_factory=list)
    nodes_wanted: dict[bool, NodesWanted] = msgspec.field(default_factory=dict)
    resize_ended: list[ResizeEnded] = msgspec.field(default_factory=list)
    sampled: list[Sampled] = msgspec.field(default_factory=list)
    formula_turned: list[FormulaTurned] = msgspec.field(default_factory=list)
    target_met: list[TargetMet] = msgspec.field(default_factory=list)
    pool_removed: list[PoolRemoved] = msgspec.field(default_factory=list)
    job_disabling: list[JobDisabling] = msgspec.field(default_factory=list)
    job_disabled: list[JobDisabled] = msgspec.field(default_factory=list)
    job_enabled: list[JobEnabled] = msgspec.field(default_factory=list)
    job_terminating: list[JobTerminating] = msgspec.field(default_factory=list)
    job_completed: list[JobCompleted] = msgspec.field(default_factory=list)
    job_moved: list[JobMoved] = msgspec.field(default_factory=list)
    strayed: list[Strayed] = msgspec.field(default_factory=list)
    due_set: list[DueSet] = msgspec.field(default_factory=list)
    paused: list[Paused] = msgspec.field(default_factory=list)
    due_cleared: list[DueCleared] = msgspec.field(default_factory=list)

    @property
    def counted(self) -> Iterable[Counted]:
        """What tasks that move change in the counters, by job and slots."""
        moved: chain[TaskMoved] = chain(
            self.preparing,
            self.started.values(),
            self.completed,
            self.requeued.values(),
            self.removed,
        )
        counted: dict[tuple[int, int], Counted] = {}
        for task in moved:
            key = task.job, task.slots
            counts = counted.get(key)
            if counts is None:
                counts = counted[key] = Counted(*key)
            task.count(counts)
        return counted.values()

    @property
    def failed(self) -> Iterable[Failed]:
        """Of the tasks that completed."""
        return [
            Failed(task.task, task.job, task.ended, causes.of(task.failure, task.exit_code, task.last_line))
            for task in self.completed
            if task.failure is not None or not task.succeeded
        ]

    @property
    def satisfied(self) -> Iterable[Satisfied]:
        """Of the tasks that completed."""
        return [Satisfied(task.task, task.job, task.id) for task in self.completed if task.satisfies]

    @property
    def nodes_came(self) -> Iterable[NodeCame]:
        """With each step of a boot, of which the first counts: an operation may have set the state before."""
        came = (node for node in self.node_changed if node.was in BEGINNING and node.phase != "leavingpool")
        return [NodeCame(node.node, node.at) for node in came]

    @property
    def nodes_went(self) -> Iterable[NodeWent]:
        went: chain[NodeMoved] = chain(self.node_reset, self.node_rested, self.node_removed)
        return [NodeWent(node.node, node.at) for node in went]

    @property
    def cores_returned(self) -> Iterable[CoresReturned]:
        cores = sum(node.cores for node in self.node_removed)
        return [CoresReturned(cores)] if cores else []

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)
