"""How a run came to an end: one value from the agent that saw it to the row that keeps it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

Result = Literal["success", "failure"]

EXIT_CODE = "FailureExitCode"
"""The only failure that is retried: the command ran and ended with another code than 0."""

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


class Exit(NamedTuple):
    """The end of a run, in ticks; `started` is None if it never began.

    There is no exit code where the command did not come to an end by itself: the failure says why.
    `last_line` is what it printed last, if it ended with another code than 0. `staged` is when its resource
    files were there, if it has some.
    """

    started: int | None
    ended: int
    exit_code: int | None
    failure: Failure | None
    last_line: str = ""
    staged: int | None = None


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


def shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
