"""What can go wrong with a run, in the words of the API's `failureInfo`."""

from __future__ import annotations

import errno

from batchite.wire.batch.outcome import Failure

USER = "usererror"
SERVER = "servererror"

_FULL = (errno.ENOSPC, errno.EDQUOT)


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
        return server("DiskFull", f"The node's disk is full: {doing} failed.", Reason=str(error.strerror))
    return server(code, f"The node failed at {doing}.", Reason=str(error.strerror or error))


def of_exit_code(exit_code: int) -> Failure:
    return user(
        "FailureExitCode",
        f"The command ended with exit code {exit_code}; only 0 counts as success. "
        "Look at stderr.txt and stdout.txt of the task.",
        ExitCode=str(exit_code),
    )


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


def unknown(error: BaseException) -> Failure:
    return server("Unknown", "The node agent failed unexpectedly; see its log.", Reason=repr(error))
