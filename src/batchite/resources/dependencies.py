"""What tasks depend on, as it is stored and compared: a word for each task or range of tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from batchite.resources.keys import folded
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

_LONGEST: Final = 64
"""Characters of an id."""
_NUMBER = re.compile(rf"-?[0-9]{{1,{_LONGEST}}}", re.ASCII)
_MOST: Final = 2**31 - 1
_BETWEEN: Final = ".."
"""No id has such characters."""

_decoder = msgspec.msgpack.Decoder(tuple[str, ...])


class Range(NamedTuple):
    """Tasks whose ids are numbers from the first to the last, both included."""

    first: int
    last: int

    @property
    def word(self) -> str:
        return f"{self.first}{_BETWEEN}{self.last}"

    def has(self, task_id: str) -> bool:
        """Whether it is one of the tasks."""
        return self.counts(number(task_id))

    def counts(self, one: int | None) -> bool:
        """The same of a task of that `number`, if it has one."""
        return one is not None and self.first <= one <= self.last


def range_of(word: str) -> Range | None:
    """None: the word is the key of a task."""
    first, between, last = word.partition(_BETWEEN)
    return Range(int(first), int(last)) if between else None


def number(task_id: str) -> int | None:
    """That a range counts the task as, however many zeros its id begins with; None if its id is no number
    that a range could have."""
    if _NUMBER.fullmatch(task_id) is None:
        return None
    found = int(task_id)
    return found if -_MOST - 1 <= found <= _MOST else None


def spellings(wanted: int, longest: int = _LONGEST) -> list[str]:
    """All ids up to that length of which it is the `number`."""
    digits = str(abs(wanted))
    signs = ("", "-") if wanted == 0 else ("-",) if wanted < 0 else ("",)
    return [
        sign + digits.zfill(width) for sign in signs for width in range(len(digits), longest - len(sign) + 1)
    ]


def words(task: BatchTaskCreateOptions) -> tuple[str, ...]:
    """Each thing that the task depends on once: keys of tasks, then ranges."""
    if not task.depends_on:
        return ()
    ids = (folded(one) for one in task.depends_on.task_ids or ())
    ranges = (Range(one.start, one.end).word for one in task.depends_on.task_id_ranges or ())
    return tuple(dict.fromkeys((*ids, *ranges)))


def encode(dependencies: Sequence[str]) -> bytes | None:
    return msgspec.msgpack.encode(dependencies) if dependencies else None


def decode(stored: bytes | None) -> tuple[str, ...]:
    return () if stored is None else _decoder.decode(stored)
