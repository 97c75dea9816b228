"""What the stored state of a task or a job means: one table for whoever shows, counts, selects or decides."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class JobState:
    takes_tasks: bool = False
    starts_tasks: bool = False
    is_endable: bool = False
    """it can be changed and terminated"""
    is_ending: bool = False
    """what it has on nodes is being ended"""
    is_deletable: bool = True
    is_open: bool = True
    """the owner of its shard knows it"""


TASK: Final = {
    "active": TaskState(BatchTaskState.ACTIVE, "active", waits=True),
    "leased": TaskState(BatchTaskState.ACTIVE, "active", on_node=True),
    "running": TaskState(BatchTaskState.RUNNING, "running", on_node=True),
    "completed": TaskState(BatchTaskState.COMPLETED, None),
}
JOB: Final = {
    "active": JobState(takes_tasks=True, starts_tasks=True, is_endable=True),
    "disabling": JobState(takes_tasks=True, is_endable=True),
    "disabled": JobState(takes_tasks=True, is_endable=True),
    "enabling": JobState(takes_tasks=True, is_endable=True),
    "terminating": JobState(is_ending=True),
    "completed": JobState(is_open=False),
    "deleting": JobState(is_ending=True, is_deletable=False),
}

(WAITING,) = (name for name, state in TASK.items() if state.waits)
UNFINISHED = tuple(name for name, state in TASK.items() if state.counted)
ON_NODE = tuple(name for name, state in TASK.items() if state.on_node)
TAKING_TASKS = tuple(name for name, state in JOB.items() if state.takes_tasks)
STARTING_TASKS = tuple(name for name, state in JOB.items() if state.starts_tasks)
ENDABLE = tuple(name for name, state in JOB.items() if state.is_endable)
ENDING = tuple(name for name, state in JOB.items() if state.is_ending)
DELETABLE = tuple(name for name, state in JOB.items() if state.is_deletable)
(CLOSED,) = (name for name, state in JOB.items() if not state.is_open)


def shown(stored: str) -> BatchTaskState:
    """How the API names the state of a task."""
    return TASK[stored].shown


def shown_as(state: str) -> tuple[str, ...]:
    """The stored states of tasks that the API names so."""
    return tuple(name for name, known in TASK.items() if known.shown == state)


def counted(stored: str, result: str | None) -> CountedState:
    """In which of the counters a task is counted."""
    return TASK[stored].counted or ("succeeded" if result == "success" else "failed")
