"""How a run came to an end: one value from the agent that saw it to the row that keeps it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

Result = Literal["success", "failure"]

EXIT_CODE = "FailureExitCode"
"""The only failure that is retried: the command ran and ended with another code than 0."""

Trouble = Literal["exit", "preprocessing", "upload", "ended"]
"""What went wrong with a run, as exit conditions tell it apart: its command ended with another code than 0,
something before the command failed or it could not be started, its output files could not be uploaded, or it
was ended before its time."""

_UPLOAD = "FileUpload"
_ENDED = "TaskEnded"

MAX_TEXT = 1024
"""Characters of a text that is stored and shown."""
MAX_DETAILS = 20


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """Why something did not work. On the link it is an array, in the API and its rows see `shown`."""

    category: str
    """`usererror` or `servererror`"""
    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


MOST_USED: Final = 2**56
"""Of anything that a run can say it has used: 228 years of a core."""
MOST_SUMMED: Final = 2**61
"""At which a sum of such amounts stays: an agent that lies must not make it what no database can hold."""
BLOCK: Final = 512
"""Bytes in which the kernel counts what is read and written."""
_Amount = Annotated[int, msgspec.Meta(ge=0, le=MOST_USED)]


class Used(msgspec.Struct, frozen=True, array_like=True):
    """What the processes of a run took of their node, as far as their sandbox knows it."""

    user_time: _Amount = 0
    """ticks of all cores together, in the programs themselves"""
    kernel_time: _Amount = 0
    """ticks in the kernel for them"""
    blocks_read: _Amount = 0
    """from disks, in blocks of `BLOCK` bytes; what is in memory already is not read"""
    blocks_written: _Amount = 0
    peak_memory: _Amount = 0
    """bytes of the largest of the processes"""

    def with_more(self, other: Used) -> Used:
        """What both have used together."""
        return Used(
            min(self.user_time + other.user_time, MOST_USED),
            min(self.kernel_time + other.kernel_time, MOST_USED),
            min(self.blocks_read + other.blocks_read, MOST_USED),
            min(self.blocks_written + other.blocks_written, MOST_USED),
            max(self.peak_memory, other.peak_memory),
        )


UNUSED: Final = Used()
"""Nothing, or nobody knows what."""


class Exit(NamedTuple):
    """The end of a run, in ticks; `started` is None if it never began.

    There is no exit code where the command did not come to an end by itself: the failure says why. With a
    code there may be a failure of what followed the command.
    `last_line` is what it printed last, if it ended with another code than 0. `staged` is when its resource
    files were there, if it has some. What it `used` is None where nobody has seen the end.
    """

    started: int | None
    ended: int
    exit_code: int | None
    failure: Failure | None
    last_line: str = ""
    staged: int | None = None
    used: Used | None = None

    @property
    def shown_start(self) -> int:
        """When it began, for those that show a start in any case."""
        return self.ended if self.started is None else self.started

    @property
    def wall_time(self) -> int:
        """Ticks that it ran, if somebody has seen the end: what is missed may have been over for long."""
        return 0 if self.started is None or self.used is None else max(self.ended - self.started, 0)


def trouble(exit_code: int | None, failure: Failure | None) -> Trouble | None:
    """Of a run that ended so. What goes wrong after a command has come to its end is its upload."""
    if failure is None:
        return None
    if failure.code in (EXIT_CODE, _ENDED):
        return "exit" if failure.code == EXIT_CODE else "ended"
    is_after = exit_code is not None or failure.code.startswith(_UPLOAD)
    return "upload" if is_after else "preprocessing"


def result(exit_code: int | None, failure: Failure | None) -> Result:
    return "success" if failure is None and exit_code == 0 else "failure"


def shown(failure: Failure) -> dict[str, Any]:
    """The API's `failureInfo`, with texts of bounded length: agents may quote whole command lines."""
    value: dict[str, Any] = {
        "category": "servererror" if failure.category == "servererror" else "usererror",
        "code": shortened(failure.code),
        "message": shortened(failure.message),
    }
    if failure.details:
        value["details"] = [
            {"name": shortened(name), "value": shortened(text)}
            for name, text in failure.details[:MAX_DETAILS]
        ]
    return value


def bounded(failure: Failure) -> Failure:
    """The same with texts of bounded length, as `shown` has them."""
    details = tuple((shortened(name), shortened(text)) for name, text in failure.details[:MAX_DETAILS])
    return Failure(failure.category, shortened(failure.code), shortened(failure.message), details)


def shown_error(failure: Failure, details: str = "values") -> dict[str, Any]:
    """The same as an error of a resource, which has no category: the API's `ResizeError` and its like, which
    have other names for the `details`."""
    values = [{"name": name, "value": text} for name, text in failure.details]
    return {"code": failure.code, "message": failure.message, **({details: values} if values else {})}


def shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
