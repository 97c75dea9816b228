"""What is accepted, as the cloud accepts it, and can never run, or hardly as it was meant.

Whoever adds such a task is told at once: in a header of the answer, which clients that do not know it ignore,
and once for each job in the log. An explanation says it of each task. Nothing here costs a plain task more
than a look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from batchite.wire.batch import shell_words
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

HEADER: Final = "batchite-warnings"
LONGEST: Final = 1024
"""Bytes of the header."""

Code = Literal["NodeTooSmall", "DependencyOnItself", "DependencyCircle", "CommandNeedsShell"]
"""As an explanation calls the same."""
CODES: Final[tuple[Code, ...]] = (
    "NodeTooSmall",
    "DependencyOnItself",
    "DependencyCircle",
    "CommandNeedsShell",
)
MEANING: Final[Mapping[Code, str]] = {
    "NodeTooSmall": "need more slots than a node of the pool has",
    "DependencyOnItself": "depend on themselves",
    "DependencyCircle": "depend on each other in a circle",
    "CommandNeedsShell": "use what a shell would replace, without a shell",
}

Warned = Mapping[Code, Sequence[str]]
"""Ids of tasks."""


class Looks(NamedTuple):
    """What of tasks is worth a look."""

    shell: Sequence[str]
    """ids of those whose command lines need a shell that they do not start"""
    large: Sequence[BatchTaskCreateOptions]
    """those that take several slots"""
    dependent: Sequence[BatchTaskCreateOptions]
    """those that depend on others"""


def looks(tasks: Iterable[BatchTaskCreateOptions]) -> Looks | None:
    """None, if all is plain."""
    worth = [task for task in tasks if not _is_plain(task)]
    if not worth:
        return None
    return Looks(
        [task.id for task in worth if shell_words.needing(task.command_line)],
        [task for task in worth if _slots(task) > 1],
        [task for task in worth if task.depends_on],
    )


def too_large(tasks: Iterable[BatchTaskCreateOptions], slots: int) -> list[str]:
    """Ids of those that no node with so many slots can run."""
    return [task.id for task in tasks if _slots(task) > slots]


def header(warned: Warned) -> str:
    """`CODE=ID,ID;CODE=ID`; `+12` stands for 12 ids more, for which there is no room."""
    share = LONGEST // max(len(warned), 1) - 1
    return ";".join(_part(code, warned[code], share) for code in CODES if warned.get(code))


def _part(code: Code, ids: Sequence[str], most: int) -> str:
    room = most - len(code) - len("=,+1000000")
    told: list[str] = []
    for one in ids:
        room -= len(one) + 1
        if room < 0:
            break
        told.append(one)
    left = [f"+{len(ids) - len(told)}"] if len(told) < len(ids) else []
    return f"{code}={','.join([*told, *left])}"


def _slots(task: BatchTaskCreateOptions) -> int:
    return task.required_slots or 1


def _is_plain(task: BatchTaskCreateOptions) -> bool:
    return not task.depends_on and _slots(task) == 1 and not shell_words.may_need(task.command_line)
