"""What becomes of the tasks of nodes that are to have none, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from batchite.resources.vacating import ENDING, Option, Purpose, Vacating

WORDS: Final[Mapping[Option, str]] = {
    "requeue": "They are ended and wait to run again, from their beginning",
    "terminate": "They are ended for good, as failed",
    "taskcompletion": "They run to their end, however long that takes",
    "retaineddata": "They run to their end, and the node waits until no files of tasks are to be kept",
}
"""By option; the first is the default of every operation."""
Words = Sequence[tuple[Option, str]]
ALL: Final[Words] = tuple(WORDS.items())

_TO: Final[Mapping[Purpose, str]] = {
    "remove": "leave the pool",
    "reboot": "boot again",
    "reimage": "be made anew",
    "deallocate": "be deallocated",
    "disable": "take no tasks",
    "preempt": "be preempted",
}


def counted(tasks: int) -> str:
    return f"{tasks} {'task' if tasks == 1 else 'tasks'}"


def purpose(wanted: Vacating) -> str:
    return f"It is to {_TO[wanted.purpose]} ({wanted.purpose})"


def waited_for(wanted: Vacating, tasks: int) -> str:
    """By a node with so many tasks."""
    if not tasks:
        return "files that are kept" if wanted.option == "retaineddata" else "nothing more"
    if wanted.option in ENDING:
        return f"{counted(tasks)} to be ended"
    files = ", and files that are kept" if wanted.option == "retaineddata" else ""
    return f"{counted(tasks)} to come to an end{files}"
