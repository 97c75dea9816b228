"""Why tasks failed, put so that tasks which failed for the same reason have the same cause.

A cause is the category and code of the failure, the exit code, and a line of text: the last one that the
command printed, or what the failure says where no command came to its end. Of the line only that counts
which is likely to be the same for every task, so that "file 37 missing" and "file 38 missing" are one:

- a number, with the dots, commas and colons in it (3.14, 12:30:01, 10.0.0.4), is any number;
- so is a hexadecimal one that says so (0x7ffe), a UUID, and a word of at least 8 hexadecimal digits with
  a decimal one among them (a digest, an address);
- a word in which letters and digits take turns twice or more (tmpa8f3k, 1e5) is a name that a machine made.

What is counted is bounded for every job: causes beyond `MOST` are one, `OTHER`.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from batchite.wire.batch import last_line
from batchite.wire.batch.outcome import EXIT_CODE, Failure

MOST: Final = 200
"""Different causes of a job."""
OTHER: Final = "other"
"""The cause of tasks that failed when their job had as many different ones already."""

_VARYING = re.compile(
    r"""
    0[xX][0-9a-fA-F]+
    | (?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])
    | (?<![0-9A-Za-z])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}(?![0-9A-Za-z])
    | (?<![0-9A-Za-z])(?:[A-Za-z]+[0-9]+[A-Za-z]|[0-9]+[A-Za-z]+[0-9])[0-9A-Za-z]*
    | [0-9]+(?:[.,:][0-9]+)*
    """,
    re.VERBOSE,
)


class Cause(NamedTuple):
    """`id` is the same wherever a task fails for this reason, in other jobs too."""

    id: str
    category: str
    code: str
    exit_code: int | None
    line: str


class CauseRow(Protocol):
    """A cause as it is counted: how many failed tasks a job has of it, the line of the first of them, and
    when the latest ended. The cause `OTHER` has neither code nor line."""

    cause: str
    category: str | None
    code: str | None
    exit_code: int | None
    line: str
    tasks: int
    latest: int


def of(failure: Failure | None, exit_code: int | None, line: str) -> Cause:
    """The cause of a task that failed, of whose output this is the last line."""
    category, code = ("usererror", EXIT_CODE) if failure is None else (failure.category, failure.code)
    if code != EXIT_CODE and failure is not None:
        line = failure.message
    category = "servererror" if category == "servererror" else "usererror"
    code, line = last_line.plain(code), last_line.plain(line)
    return Cause(_id(category, code, exit_code, kind(line)), category, code, exit_code, line)


def kind(line: str) -> str:
    """The line without what is likely to differ from task to task."""
    return _VARYING.sub("#", line)


def _id(*parts: str | int | None) -> str:
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=8).hexdigest()
