"""What the reactor wants done once its changes are on disk: messages to agents, and engine calls."""

from __future__ import annotations

import msgspec

from batchite.scheduling.state import QueuedTask
from batchite.wire.batch.outcome import Failure


class RunTask(msgspec.Struct, frozen=True):
    node: str
    job: int
    attempt: int
    task: QueuedTask


class EndTask(msgspec.Struct, frozen=True):
    node: str
    task: int
    attempt: int
    failure: Failure


class RecallTask(msgspec.Struct, frozen=True):
    node: str
    task: int
    attempt: int


class RemoveTaskFiles(msgspec.Struct, frozen=True):
    """Goes by the job's id: a completed job is not in memory any more."""

    node: str
    job_id: str
    task_id: str


class RunStartTask(msgspec.Struct, frozen=True):
    node: str
    attempt: int
    definition: bytes


class StartNode(msgspec.Struct, frozen=True):
    """Ask the engine for it."""

    node: str


class StopNode(msgspec.Struct, frozen=True):
    """Have the engine end it; answered by `on_node_gone`."""

    node: str


class KillNode(msgspec.Struct, frozen=True):
    """It does not answer: have the engine kill all of it; answered by `on_node_gone`."""

    node: str
    reason: str


class PurgeJob(msgspec.Struct, frozen=True):
    """Remove the job, its tasks and their files; answered by `on_job_purged`."""

    job: int
    at: int


Effect = (
    RunTask
    | EndTask
    | RecallTask
    | RemoveTaskFiles
    | RunStartTask
    | StartNode
    | StopNode
    | KillNode
    | PurgeJob
)
