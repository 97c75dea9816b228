"""What the service and a node agent say to each other.

A frame is a MessagePack array of messages. Both sides ignore messages they do not know and fields
they did not expect, because agents outlive upgrades of the service. New fields go to the end of a
message and have a default.

Times are ticks (see `batchite.wire.ticks`). A number that no honest agent can mean makes its message one
that is not known: it would fit neither the store nor an answer of the API. A *report* is a message of an
agent that the service must have on disk before the agent may forget it: reports carry a number that rises
by one, and `Acknowledge` names the last one that is committed.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from batchite.wire.batch.outcome import Exit, Failure

PROTOCOL = 1

LAST_MOMENT = 253_402_300_799 * 10_000_000
"""The end of the year 9999, the last that the API can write."""

ADDRESS = r"\A[0-9a-fA-F.:]{0,45}\Z"
TIER = r"\A[a-z]{0,20}\Z"

Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LAST_MOMENT)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
ExitCode: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of everything that travels on the link."""


# -- values inside messages


class HeldTask(msgspec.Struct, frozen=True, array_like=True):
    """A task the agent knows: waiting, running, or ended with its report not acknowledged yet."""

    task: int
    attempt: int


class FileEntry(msgspec.Struct, frozen=True, array_like=True):
    """A file or directory below the directory that was asked for."""

    name: str
    """relative to that directory, separated by `/`"""
    is_directory: bool
    size: Count
    modified: Moment
    mode: Count


# -- from the service to the agent


class Welcome(Message, frozen=True):
    """First answer to `Hello`; the link may be used from now on."""

    heartbeat_seconds: float


class Acknowledge(Message, frozen=True):
    """Every report up to this number is on disk."""

    report: int


class BlobService(Message, frozen=True):
    """Addresses by which the cloud calls one of these storage accounts lead to our Blob service, at `url`."""

    url: str
    accounts: tuple[str, ...]


class RunStartTask(Message, frozen=True):
    """Run the pool's start task; `definition` is its JSON as the API stores it."""

    attempt: int
    definition: bytes


class RunTask(Message, frozen=True):
    """Take this task and run it as soon as `slots` slots are free, in the order received.

    `definition` is the task's JSON as the API stores it (the newest API version), with the
    job's common environment settings already merged in. A task the agent holds in the same
    attempt is not taken twice.

    `retries` and `requeues` say how often the task was run again so far. One retry more than the last run
    on the node, which ended with an exit code: this run goes on in the directory as that one left it.
    """

    task: int
    attempt: int
    job_id: str
    task_id: str
    slots: int
    definition: bytes
    retries: int = 0
    requeues: int = 0


class EndTask(Message, frozen=True):
    """Kill the task if it runs, forget it if it waits; either way report `TaskEnded` with `failure`."""

    task: int
    attempt: int
    failure: Failure


class RecallTask(Message, frozen=True):
    """Give the task back (`TaskReturned`) if it has not been started; otherwise ignore this."""

    task: int
    attempt: int


class RemoveTaskFiles(Message, frozen=True):
    """Remove the task's directory."""

    job_id: str
    task_id: str


class RemoveJobFiles(Message, frozen=True):
    """Remove the directories of all tasks of the job."""

    job_id: str


class Leave(Message, frozen=True):
    """End every process of the node and exit; nothing is reported any more."""


class ListFiles(Message, frozen=True):
    """Answered by `FilesListed` or `FileFailed`. `directory` is relative to the node's root ("" = root)."""

    request: int
    directory: str
    recursive: bool


class StatFile(Message, frozen=True):
    """Answered by `FileStatus` or `FileFailed`."""

    request: int
    path: str


class SendFile(Message, frozen=True):
    """POST bytes `offset` to `offset + length` of the file to `url_path` on the service.

    If the file cannot be read, `FileFailed` is sent instead of the POST.
    """

    request: int
    path: str
    offset: int
    length: int
    url_path: str


class DeleteFile(Message, frozen=True):
    """Answered by `FileDeleted` or `FileFailed`."""

    request: int
    path: str
    recursive: bool


class MeasureUse(Message, frozen=True):
    """Answered by `UseMeasured`."""

    request: int


# -- from the agent to the service


class Hello(Message, frozen=True):
    """First message on every connection."""

    protocol: int
    agent_version: str
    booted: Moment
    """when this agent process started"""
    held: tuple[HeldTask, ...]
    start_task_attempt: int
    """the last attempt of the start task this agent was told to run; 0 = none"""
    unused: int = 0
    """what agents of the past said, and nobody asked for"""
    address: Annotated[str, msgspec.Meta(pattern=ADDRESS)] = ""
    """at which the node speaks to the service; empty: an agent of the past"""
    tier: Annotated[str, msgspec.Meta(pattern=TIER)] = ""
    """how far the node is apart from its machine; empty: an agent of the past"""
    image: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """what the node's tasks find, by the names of a root file system (`host`: the machine's) and a layer"""


class Heartbeat(Message, frozen=True):
    """The agent is alive."""


class StartTaskStarted(Message, frozen=True):
    report: Count
    attempt: int
    started: Moment


class StartTaskEnded(Message, frozen=True):
    """The run is over; see `exit_of`."""

    report: Count
    attempt: int
    started: Moment | None
    ended: Moment
    exit_code: ExitCode | None
    failure: Failure | None


class TaskStarted(Message, frozen=True):
    """The task left the node's queue: its files are being fetched, then its command runs."""

    report: Count
    task: int
    attempt: int
    started: Moment


class TaskEnded(Message, frozen=True):
    """The task is over on this node; see `exit_of`. It was not started if it never left the queue."""

    report: Count
    task: int
    attempt: int
    started: Moment | None
    ended: Moment
    exit_code: ExitCode | None
    failure: Failure | None
    last_line: str = ""
    staged: Moment | None = None
    """when its resource files were there; none: it has none, or they never were"""


def exit_of(report: StartTaskEnded | TaskEnded) -> Exit:
    told = report.started, report.ended, report.exit_code, report.failure
    return Exit(*told, report.last_line, report.staged) if isinstance(report, TaskEnded) else Exit(*told)


class TaskReturned(Message, frozen=True):
    """The task was not started and is forgotten here."""

    report: Count
    task: int
    attempt: int


class FilesListed(Message, frozen=True):
    request: int
    files: tuple[FileEntry, ...]


class FileStatus(Message, frozen=True):
    request: int
    file: FileEntry


class FileDeleted(Message, frozen=True):
    request: int


class FileFailed(Message, frozen=True):
    """`reason`: `not-found`, `is-directory`, `not-empty`, `outside` (leaves the root) or `unreadable`."""

    request: int
    reason: str


class UseMeasured(Message, frozen=True):
    """What the node uses with its agent; none: it cannot be told here."""

    request: int
    processes: Count | None
    memory: Count | None
    """bytes"""
    processor_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None
    """since it booted"""
    disk: Count | None
    """bytes below its directory"""


ToAgent = (
    Welcome
    | Acknowledge
    | BlobService
    | RunStartTask
    | RunTask
    | EndTask
    | RecallTask
    | RemoveTaskFiles
    | RemoveJobFiles
    | Leave
    | ListFiles
    | StatFile
    | SendFile
    | DeleteFile
    | MeasureUse
)

Report = StartTaskStarted | StartTaskEnded | TaskStarted | TaskEnded | TaskReturned

FromAgent = Hello | Heartbeat | Report | FilesListed | FileStatus | FileDeleted | FileFailed | UseMeasured
