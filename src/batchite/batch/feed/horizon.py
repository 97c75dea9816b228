"""Up to which number the feed is complete: all rows are there that ever will be.

Numbers are drawn without a lock, so a row may become visible after others of higher numbers, and one whose
transaction failed never does. Where a number is missing, the next step waits for all transactions that may
have drawn it: they have begun to write before it was noticed, so they have lower numbers than one that
begins to write then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Gap(NamedTuple):
    """Numbers are missing below `number`; they may still come from transactions below `transaction`."""

    number: int
    transaction: int


class Horizon:
    """`complete` is the number; it begins with one that is known to be."""

    def __init__(self, complete: int) -> None:
        self.complete = complete
        self.gap: Gap | None = None

    def advance(self, numbers: Sequence[int], decided: int | None) -> int | None:
        """By the numbers past `complete` that one snapshot has, from the lowest; `decided` as in
        `store.batch.feed.Visible`.

        Returns the number up to which it is to be known what may still come: pass it on to `wait_for` with
        the number of a transaction that begins to write now. None: nothing is to be known.
        """
        if not numbers:
            return None
        if decided is None:
            self.complete = numbers[-1]
            return None
        if self.gap is not None and decided > self.gap.transaction:
            self.complete = max(self.complete, min(self.gap.number, numbers[-1]))
            if self.complete == self.gap.number:
                self.gap = None
        for number in numbers:
            if number == self.complete + 1:
                self.complete = number
        if self.gap is not None and self.gap.number <= self.complete:
            self.gap = None
        return numbers[-1] if self.gap is None and numbers[-1] > self.complete else None

    def wait_for(self, number: int, transaction: int) -> None:
        self.gap = Gap(number, transaction)
