"""Who waits until an event of a shard is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Container


class Settling:
    """An event is settled when it and what followed from it are on disk: where it wants a task ended that a
    node still has, that the node is done with it."""

    def __init__(self, applied: int) -> None:
        self._applied = applied
        self._unended: dict[int, int] = {}
        """tasks that nodes have still to end, by event"""
        self._waiters: dict[asyncio.Future[bool], int] = {}
        self._is_over = False

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiters)

    def put_off(self, sequence: int, task: int) -> None:
        """The event is not settled as long as the task is on a node."""
        self._unended[sequence] = task

    def advance(self, applied: int, on_nodes: Container[int]) -> None:
        """Events up to `applied` and the present state of the shard are on disk."""
        self._applied = applied
        self._unended = {event: task for event, task in self._unended.items() if task in on_nodes}
        for future, sequence in self._waiters.items():
            if self._is_settled(sequence) and not future.done():
                future.set_result(True)

    def end(self) -> None:
        """The owner decides nothing any more: nobody is kept waiting."""
        self._is_over = True
        for future in self._waiters:
            if not future.done():
                future.set_result(False)

    async def wait(self, sequence: int, seconds: float) -> bool:
        """Whether the event was settled within so many seconds."""
        if self._is_settled(sequence) or self._is_over:
            return self._is_settled(sequence)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[future] = sequence
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return False
        finally:
            del self._waiters[future]

    def _is_settled(self, sequence: int) -> bool:
        return self._applied >= sequence and sequence not in self._unended
