"""What the service and a node agent say to each other.

A frame is a MessagePack array of messages. Both sides ignore messages they do not know and fields
they did not expect, because agents outlive upgrades of the service. New fields go to the end of a
message and have a default.

Whatever has to be understood for a run to be done as it should be raises `PROTOCOL`. An agent of another
protocol is still heard, so what it runs comes to its end, but it is given nothing more: its node takes no
tasks and, once it has none, boots again with an agent of this one (`scheduling.nodes`).

Messages about runs keep the tags that they had in protocol 1, which knew them for tasks only: what such an
agent says of its tasks is what it would say today.

Times are ticks (see `batchite.wire.ticks`). A number that no honest agent can mean makes its message one
that is not known: it would fit neither the store nor an answer of the API. A *report* is a message of an
agent that the service must have on disk before the agent may forget it: reports carry a number that rises
by one, and `Acknowledge` names the last one that is committed.
"""

from __future__ import annotations

from typing import Annotated, Protocol, TypeAlias

import msgspec

from batchite.wire.batch.counters import Counters
from batchite.wire.batch.login import Login
from batchite.wire.batch.outcome import Exit, Failure, Used
from batchite.wire.batch.runs import Kind

PROTOCOL = 2
"""2: start tasks are runs like others, and output files are uploaded; 1 had messages of their own for start
tasks."""

LAST_MOMENT = 253_402_300_799 * 10_000_000
"""The end of the year 9999, the last that the API can write."""

ADDRESS = r"\A[0-9a-fA-F.:]{0,45}\Z"
TIER = r"\A[a-z]{0,20}\Z"
NAME = r"\A[A-Za-z0-9_-]{1,64}\Z"
MOST_KEPT = 500
"""Directories that are told at once."""

Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LAST_MOMENT)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=NAME)]
ExitCode: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of everything that travels on the link."""


# -- values inside messages


class RunKey(msgspec.Struct, frozen=True, array_like=True):
    """Which run of a node is meant."""

    number: Count
    """of the task; of the job whose preparation or release it is; 0: the start task, of which there is one"""
    attempt: Count
    kind: Kind = "task"


class OfRun(Protocol):
    """A message about one run."""

    @property
    def number(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def kind(self) -> Kind: ...


def key_of(message: OfRun) -> RunKey:
    return RunKey(message.number, message.attempt, message.kind)


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
    hosts: tuple[str, ...] = ()
    """lines by which tasks find the names of all accounts, in a node that has a hosts file of its own"""


class Run(Message, frozen=True, tag="RunTask"):
    """Run this: at once, or a task as soon as `slots` slots are free, in the order received.

    `definition` is its JSON as the API stores it (the newest API version), of a task with the job's common
    environment settings already merged in. What the agent holds in the same attempt is not taken twice.

    `retries` and `requeues` say how often it was run again so far. One retry more than the last run on the
    node, which ended with an exit code: this run goes on in the directory as that one left it.
    """

    number: int
    attempt: int
    job_id: str
    """empty: it is no job's"""
    task_id: str
    slots: int
    definition: bytes
    retries: int = 0
    requeues: int = 0
    kind: Kind = "task"
    preparation: str = ""
    """the id of the job's preparation task, if it has one: the run is told where its files are"""
    is_retried: bool = False
    """it is run again if its command ends with another code than 0: its output files are left to that run"""


class EndRun(Message, frozen=True, tag="EndTask"):
    """Kill it if it runs, forget it if it waits; either way report `RunEnded` with `failure`.

    `notice`: ticks between asking it to end (SIGTERM) and killing it; 0: as many as the agent gives anyway.
    """

    number: int
    attempt: int
    failure: Failure
    notice: int = 0
    kind: Kind = "task"


class LimitRun(Message, frozen=True):
    """It may run for so many ticks, counted from its start, instead of as its definition says."""

    number: int
    attempt: int
    ticks: int
    kind: Kind = "task"


class RecallRun(Message, frozen=True, tag="RecallTask"):
    """Give it back (`RunReturned`) if it has not been started; otherwise ignore this."""

    number: int
    attempt: int
    kind: Kind = "task"


class RemoveTaskFiles(Message, frozen=True):
    """Remove the task's directory."""

    job_id: str
    task_id: str


class FilesOf(msgspec.Struct, frozen=True, array_like=True):
    """The directory of a task that is over, or of a preparation or release: then number and attempt are
    nothing but what the service knows it by, and no task has attempt 0."""

    number: int
    attempt: int
    job_id: str
    task_id: str
    kind: Kind = "task"


class RemoveFiles(Message, frozen=True):
    """Remove these directories, and say so: `FilesRemoved`."""

    tasks: tuple[FilesOf, ...]


class RemoveJobFiles(Message, frozen=True):
    """Remove the directories of all tasks of the job."""

    job_id: str


class SetLogins(Message, frozen=True):
    """These are the users by whom people log in to the node, and no others."""

    logins: tuple[Login, ...]


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


class UploadLogs(Message, frozen=True):
    """Upload what the node has said between two moments; answered by `LogsChosen`, before that begins."""

    request: int
    container_url: str
    directory: str
    """with which the names of the blobs begin"""
    start: int
    end: int | None


# -- from the agent to the service


class Hello(Message, frozen=True):
    """First message on every connection; once more when it is over that the node prepares."""

    protocol: int
    agent_version: str
    booted: Moment
    """when this agent process started"""
    held: tuple[RunKey, ...]
    """what it knows: waiting, running, or ended with its report not acknowledged yet"""
    start_task_attempt: int = 0
    """what agents of protocol 1 said"""
    unused: int = 0
    """what agents of the past said, and nobody asked for"""
    address: Annotated[str, msgspec.Meta(pattern=ADDRESS)] = ""
    """at which the node speaks to the service; empty: an agent of the past"""
    tier: Annotated[str, msgspec.Meta(pattern=TIER)] = ""
    """how far the node is apart from its machine; empty: an agent of the past"""
    image: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """what the node's tasks find, by the names of a root file system (`host`: the machine's) and a layer"""
    is_preparing: bool = False
    """it is not ready to run anything yet"""
    unprepared: Failure | None = None
    """it never will be, in this boot"""


class Heartbeat(Message, frozen=True):
    """The agent is alive."""


class RunStarted(Message, frozen=True, tag="TaskStarted"):
    """It left the node's queue: its files are being fetched, then its command runs."""

    report: Count
    number: Count
    attempt: Count
    started: Moment
    kind: Kind = "task"


class RunEnded(Message, frozen=True, tag="TaskEnded"):
    """It is over on this node, as `exit` says. It was not started if it never left the queue."""

    report: Count
    number: Count
    attempt: Count
    started: Moment | None
    ended: Moment
    exit_code: ExitCode | None
    failure: Failure | None
    last_line: str = ""
    staged: Moment | None = None
    """when its resource files were there; none: it has none, or they never were"""
    used: Used | None = None
    """none: an agent of the past"""
    kind: Kind = "task"
    withheld: bool = False
    """it has output files that were left to the run that is to follow"""

    @property
    def exit(self) -> Exit:
        return Exit(
            self.started,
            self.ended,
            self.exit_code,
            self.failure,
            self.last_line,
            self.staged,
            self.used,
        )

    @classmethod
    def of(cls, report: int, key: RunKey, exit_: Exit, *, withheld: bool = False) -> RunEnded:
        return cls(report, key.number, key.attempt, *exit_, key.kind, withheld)


class RunReturned(Message, frozen=True, tag="TaskReturned"):
    """It was not started and is forgotten here."""

    report: Count
    number: Count
    attempt: Count
    kind: Kind = "task"


class FilesRemoved(Message, frozen=True):
    """There is no directory of these any more, each as in `FilesOf`. Asked again, the agent says it again."""

    runs: tuple[RunKey, ...]


class FilesKept(Message, frozen=True):
    """The node has directories of these tasks, in which nothing runs: the names of each below `workitems`. It
    says so, some at a time, whenever it has come; `RemoveTaskFiles` is the answer for what is nobody's."""

    directories: Annotated[tuple[tuple[Name, Name, Name], ...], msgspec.Meta(max_length=MOST_KEPT)]


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
    counters: Counters | None = None
    """none: an agent of the past"""


class LogsChosen(Message, frozen=True):
    """So many files are being uploaded."""

    request: int
    files: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


ToAgent = (
    Welcome
    | Acknowledge
    | BlobService
    | Run
    | EndRun
    | LimitRun
    | RecallRun
    | RemoveFiles
    | RemoveTaskFiles
    | RemoveJobFiles
    | SetLogins
    | Leave
    | ListFiles
    | StatFile
    | SendFile
    | DeleteFile
    | MeasureUse
    | UploadLogs
)

Report = RunStarted | RunEnded | RunReturned

FromAgent = (
    Hello
    | Heartbeat
    | Report
    | FilesRemoved
    | FilesKept
    | FilesListed
    | FileStatus
    | FileDeleted
    | FileFailed
    | UseMeasured
    | LogsChosen
)
