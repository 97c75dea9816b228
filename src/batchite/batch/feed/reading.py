"""One who reads the feed: from a position on, what is asked for, as much at a time as can be sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from batchite.batch.feed.cursors import Position
from batchite.batch.feed.lines import Line
from batchite.batch.feed.tail import Part, Tail, Told
from batchite.resources.keys import account_of, folded, pool_shard

BATCH_BYTES = 128 * 1024
"""Of events that are handed out together, and one more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Events of an account; of a job, a pool, or some kinds only, if they are named."""

    account: str
    job: str = ""
    pool: str = ""
    kinds: frozenset[str] = field(default=frozenset())

    def row(self, row: Told) -> bool:
        if self.pool:
            return row.shard == pool_shard(self.account, self.pool)
        return account_of(row.shard) == self.account

    def line(self, line: Line) -> bool:
        return (not self.job or line.job == folded(self.job)) and (not self.kinds or line.kind in self.kinds)


class Found(NamedTuple):
    """An event, and the position after it."""

    line: Line
    after: Position


class Reader:
    """Reads on from `position`, which moves on past what is not wanted, too."""

    def __init__(self, tail: Tail, wanted: Wanted, position: Position) -> None:
        self._tail = tail
        self._wanted = wanted
        self.position = position

    @property
    def is_over(self) -> bool:
        """The service stops."""
        return self._tail.is_over

    async def next(self, limit: int, seconds: float) -> list[Found]:
        """Up to `limit` events. Waits for the first of them so many seconds; none: there was none in that
        time, or the feed is over. Raises ExpiredError."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        while True:
            found = await self._read(limit)
            left = deadline - clock()
            if found or left <= 0 or self._tail.is_over:
                return found
            await self._tail.grown(self.position.number - 1, left)

    async def _read(self, limit: int) -> list[Found]:
        while True:
            found = self._choose(await self._tail.read(self.position), limit)
            if found or self.position.number > self._tail.complete:
                return found

    def _choose(self, part: Part, limit: int) -> list[Found]:
        found: list[Found] = []
        size = 0
        for row in part.rows:
            if not self._wanted.row(row):
                continue
            first = self.position.offset if row.number == self.position.number else 0
            for index in range(first, len(row.lines)):
                line = row.lines[index]
                if self._wanted.line(line):
                    after = _after(row, index)
                    found.append(Found(line, after))
                    size += len(line.data)
                    if len(found) >= limit or size >= BATCH_BYTES:
                        self.position = after
                        return found
        self.position = Position(part.next)
        return found


def _after(row: Told, index: int) -> Position:
    """The position after an event of the row: of the last one, the next row's."""
    return Position(row.number, index + 1) if index + 1 < len(row.lines) else Position(row.number + 1)
