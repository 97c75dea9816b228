"""What the stored state of a task, a job or a node means: one table for whoever shows, counts, selects or
decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from batchite.wire.batch.models.enums import BatchTaskState

CountedState = Literal["active", "running", "succeeded", "failed"]
"""The states of task counts."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """`shown` is the API's name; a task that is over is counted by its result."""

    shown: BatchTaskState
    counted: Literal["active", "running"] | None
    waits: bool = False
    """for a node"""
    on_node: bool = False
    """a node has been given it"""
    is_blocked: bool = False
    """it waits for what it depends on"""


@dataclass(frozen=True, slots=True)
class JobState:
    takes_tasks: bool = False
    starts_tasks: bool = False
    is_endable: bool = False
    """it can be changed and terminated"""
    is_disablable: bool = False
    is_enablable: bool = False
    is_ending: bool = False
    """what it has on nodes is being ended"""
    is_deletable: bool = True
    is_open: bool = True
    """the owner of its shard knows it"""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """The state of a job schedule."""

    makes_jobs: bool = False
    is_changeable: bool = False
    """it can be defined anew and terminated"""
    is_deletable: bool = True


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node's states are those of the API."""

    refusal: str = "OperationInvalidForCurrentState"
    """the code by which it is not rebooted, reimaged or deallocated; empty if it can be"""
    begins: bool = False
    """its engine is asked for it, or it boots: its agent has not spoken yet"""
    runs: bool = True
    """something of it may run, or is about to"""
    takes: bool = False
    """it has booted and takes tasks, unless it is told to take none"""


TASK: Final = {
    "active": TaskState(BatchTaskState.ACTIVE, "active", waits=True),
    "blocked": TaskState(BatchTaskState.ACTIVE, "active", is_blocked=True),
    "leased": TaskState(BatchTaskState.ACTIVE, "active", on_node=True),
    "preparing": TaskState(BatchTaskState.PREPARING, "running", on_node=True),
    "running": TaskState(BatchTaskState.RUNNING, "running", on_node=True),
    "completed": TaskState(BatchTaskState.COMPLETED, None),
}
JOB: Final = {
    "active": JobState(takes_tasks=True, starts_tasks=True, is_endable=True, is_disablable=True),
    "disabling": JobState(takes_tasks=True, is_endable=True, is_disablable=True),
    "disabled": JobState(takes_tasks=True, is_endable=True, is_disablable=True, is_enablable=True),
    "enabling": JobState(takes_tasks=True, is_endable=True),
    "terminating": JobState(is_ending=True),
    "completed": JobState(is_open=False),
    "deleting": JobState(is_ending=True, is_deletable=False),
}
SCHEDULE: Final = {
    "active": ScheduleState(makes_jobs=True, is_changeable=True),
    "disabled": ScheduleState(is_changeable=True),
    "terminating": ScheduleState(),
    "completed": ScheduleState(),
    "deleting": ScheduleState(is_deletable=False),
}

NODE: Final[Mapping[str, NodeState]] = {
    "creating": NodeState("NodeBeingCreated", begins=True),
    "starting": NodeState("NodeBeingStarted", begins=True),
    "rebooting": NodeState("NodeBeingRebooted", begins=True),
    "reimaging": NodeState("NodeBeingReimaged", begins=True),
    "waitingforstarttask": NodeState("NodeBeingStarted"),
    "starttaskfailed": NodeState(""),
    "idle": NodeState("", takes=True),
    "running": NodeState("", takes=True),
    "offline": NodeState(takes=True),
    "unusable": NodeState("", runs=False),
    "leavingpool": NodeState(),
    "deallocating": NodeState(),
    "deallocated": NodeState(runs=False),
    "preempted": NodeState(runs=False),
    "unknown": NodeState(),
    "upgradingos": NodeState(),
}
"""All of them, whether or not nodes come into them here."""
WITHOUT_FILES: Final = ("reimaging", "deallocated", "preempted")
"""States in which nothing is left of what was on a node."""

(WAITING,) = (name for name, state in TASK.items() if state.waits)
(BLOCKED,) = (name for name, state in TASK.items() if state.is_blocked)
UNFINISHED = tuple(name for name, state in TASK.items() if state.counted)
ON_NODE = tuple(name for name, state in TASK.items() if state.on_node)
TAKING_TASKS = tuple(name for name, state in JOB.items() if state.takes_tasks)
STARTING_TASKS = tuple(name for name, state in JOB.items() if state.starts_tasks)
DISABLABLE = tuple(name for name, state in JOB.items() if state.is_disablable)
ENABLABLE = tuple(name for name, state in JOB.items() if state.is_enablable)
ENDABLE = tuple(name for name, state in JOB.items() if state.is_endable)
ENDING = tuple(name for name, state in JOB.items() if state.is_ending)
TAKING = tuple(name for name, node in NODE.items() if node.takes)
BEGINNING = tuple(name for name, node in NODE.items() if node.begins)
DELETABLE = tuple(name for name, state in JOB.items() if state.is_deletable)
SCHEDULE_CHANGEABLE = tuple(name for name, state in SCHEDULE.items() if state.is_changeable)
SCHEDULE_DELETABLE = tuple(name for name, state in SCHEDULE.items() if state.is_deletable)
(CLOSED,) = (name for name, state in JOB.items() if not state.is_open)


def shown(stored: str) -> BatchTaskState:
    """How the API names the state of a task."""
    return TASK[stored].shown


def shown_as(state: str) -> tuple[str, ...]:
    """The stored states of tasks that the API names so."""
    return tuple(name for name, known in TASK.items() if known.shown == state)


def counted_as(name: str) -> tuple[str, ...]:
    """The stored states of tasks that are counted so, whatever their results."""
    return tuple(stored for stored, known in TASK.items() if known.counted == name)


def counted(stored: str, result: str | None) -> CountedState:
    """In which of the counters a task is counted."""
    return TASK[stored].counted or ("succeeded" if result == "success" else "failed")
