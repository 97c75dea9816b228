"""What can go wrong with a run, in the words of the API's `failureInfo`."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterable
from typing import NamedTuple

from batchite.nodes.sandbox.base import SIGNALLED
from batchite.wire.batch.outcome import EXIT_CODE, Failure

USER = "usererror"
SERVER = "servererror"

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Source(NamedTuple):
    """What is read from elsewhere, and the codes of its failures."""

    what: str
    missing: str
    denied: str
    timed_out: str
    other: str
    if_missing: str = "Check its address, or make it before adding the task."
    """what to do then"""
    if_denied: str = (
        "Give an address with a shared access signature that permits reading (and listing, for a container) "
        "and has not expired."
    )


FILE = Source(
    "resource file", "BlobNotFound", "BlobAccessDenied", "BlobDownloadTimedOut", "BlobDownloadMiscError"
)
CONTAINER = Source(
    "list of a container of resource files",
    "ResourceContainerNotFound",
    "ResourceContainerAccessDenied",
    "ResourceContainerListTimedOut",
    "ResourceContainerListMiscError",
)


PACKAGE_ERROR = "ApplicationPackageError"
PACKAGE = Source(
    "application package",
    PACKAGE_ERROR,
    PACKAGE_ERROR,
    PACKAGE_ERROR,
    PACKAGE_ERROR,
    "It has just been deleted; add it again, or name another version.",
    "The service does not know the node any more.",
)
DISK_FULL = "DiskFull"


class RunError(Exception):
    """The run cannot go on; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.message}")
        self.failure = failure


def user(code: str, message: str, **details: str) -> Failure:
    return Failure(USER, code, message, tuple(details.items()))


def server(code: str, message: str, **details: str) -> Failure:
    return Failure(SERVER, code, message, tuple(details.items()))


def of_system(error: OSError, code: str, doing: str) -> Failure:
    """The failure of a system call on the node's own files; a full disk has a code of its own."""
    if error.errno in _FULL:
        return server(DISK_FULL, f"The node's disk is full: {doing} failed.", Reason=str(error.strerror))
    return server(code, f"The node failed at {doing}.", Reason=str(error.strerror or error))


def of_exit_code(exit_code: int, *, is_memory: bool = False, note: str = "") -> Failure:
    """In the service's own words, which programs compare; only the detail is ours. `is_memory`: a process
    was killed since a limit of memory was reached. `note`: what the node knows of the reason."""
    meaning = ". ".join(filter(None, [_meaning(exit_code, is_memory=is_memory), note]))
    return user(
        EXIT_CODE,
        "The task exited with an exit code representing a failure",
        Message=f"{meaning}. Look at stderr.txt and stdout.txt.",
        AdditionalErrorCode=EXIT_CODE,
    )


def _meaning(exit_code: int, *, is_memory: bool) -> str:
    if is_memory:
        return "The command was killed since it reached its limit of memory"
    try:
        name = signal.Signals(exit_code - SIGNALLED).name
    except ValueError:
        return f"The command ended with exit code {exit_code}"
    often = ", often for want of memory" if name == "SIGKILL" else ""
    return f"Exit code {exit_code} is that of a process killed by {name}{often}"


def of_wall_clock(limit: str) -> Failure:
    return user(
        "TaskEnded",
        f"The task ran longer than its maxWallClockTime of {limit} and was killed. "
        "Give it more time in its constraints, or less to do.",
        MaxWallClockTime=limit,
    )


def of_program(program: str, error: OSError) -> Failure:
    """The command could not be started."""
    if isinstance(error, FileNotFoundError):
        return user(
            "CommandProgramNotFound",
            f"The program {program!r} does not exist on the node, neither as a path seen from the "
            "working directory nor in PATH. Commands run without a shell.",
            Program=program,
        )
    return of_launch(program, str(error.strerror or error))


def of_launch(program: str, reason: str) -> Failure:
    return user(
        "CommandLaunchFailed", f"The command could not be started: {reason}.", Program=program, Reason=reason
    )


def of_user(name: str, known: Iterable[str]) -> Failure:
    """The command is to run as nobody the node knows."""
    there = ", ".join(known) or "none"
    return user(
        "CommandLaunchFailed",
        f"The command could not be started: userIdentity.username is {name!r}, and the pool has no such user "
        f"account (userAccounts: {there}). Name one of these, or leave it out.",
        UserName=name,
    )


def unknown(error: BaseException) -> Failure:
    return server("Unknown", "The node agent failed unexpectedly; see its log.", Reason=repr(error))
