"""What the reactor wants done once its changes are on disk: messages to agents, and engine calls."""

from __future__ import annotations

import msgspec

from batchite.scheduling.state import ExpiredTask
from batchite.scheduling.windows import QueuedTask
from batchite.wire.batch.login import Login
from batchite.wire.batch.outcome import Failure
from batchite.wire.batch.runs import Kind


class RunTask(msgspec.Struct, frozen=True):
    node: str
    job: int
    attempt: int
    task: QueuedTask


class RunAtOnce(msgspec.Struct, frozen=True):
    """Run what takes no slot: a start task, or what belongs to a job itself."""

    node: str
    kind: Kind
    number: int
    attempt: int
    definition: bytes
    retries: int = 0
    job_id: str = ""
    task_id: str = ""
    preparation: str = ""
    """the id of the job's preparation task, for what is run besides"""


class EndRun(msgspec.Struct, frozen=True):
    node: str
    number: int
    attempt: int
    failure: Failure
    notice: int = 0
    kind: Kind = "task"


class LimitTask(msgspec.Struct, frozen=True):
    """The task may run for so many ticks."""

    node: str
    task: int
    attempt: int
    ticks: int


class RecallTask(msgspec.Struct, frozen=True):
    node: str
    task: int
    attempt: int


class RemoveFiles(msgspec.Struct, frozen=True):
    """Those of tasks that are over; answered by `on_files_removed`."""

    node: str
    tasks: tuple[ExpiredTask, ...]


class RemoveTaskFiles(msgspec.Struct, frozen=True):
    """Goes by the job's id: a completed job is not in memory any more."""

    node: str
    job_id: str
    task_id: str


class SetLogins(msgspec.Struct, frozen=True):
    """Tell the agent who the users of the node are."""

    node: str
    logins: tuple[Login, ...]


class StartNode(msgspec.Struct, frozen=True):
    """Ask the engine for it."""

    node: str


class StopNode(msgspec.Struct, frozen=True):
    """Have the engine end it; answered by `on_node_gone`."""

    node: str


class HaltNode(msgspec.Struct, frozen=True):
    """Have the engine end it, which rests then or is started again; answered by `on_node_ended`."""

    node: str
    wipe: bool
    """its files go, too"""


class KillNode(msgspec.Struct, frozen=True):
    """It does not answer: have the engine kill all of it; answered by `on_node_lost`."""

    node: str
    reason: str


class TellFailing(msgspec.Struct, frozen=True):
    """Say in the log that nodes of the pool fail again and again before they take tasks."""

    pool: str
    failures: int
    reason: str


class MeasureNode(msgspec.Struct, frozen=True):
    """Ask its agent what it uses; answered by `on_node_measured`."""

    node: str


class WakeOwner(msgspec.Struct, frozen=True):
    """Of another shard, which has got an event."""

    shard: str


class PurgeJob(msgspec.Struct, frozen=True):
    """Remove the job, its tasks and their files; answered by `on_job_purged`."""

    job: int
    at: int


Effect = (
    RunTask
    | RunAtOnce
    | EndRun
    | LimitTask
    | RecallTask
    | RemoveFiles
    | RemoveTaskFiles
    | SetLogins
    | StartNode
    | StopNode
    | HaltNode
    | KillNode
    | MeasureNode
    | TellFailing
    | PurgeJob
    | WakeOwner
)
