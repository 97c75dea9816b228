"""Who waits until an event of a shard is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container


class Settling:
    """An event is settled when it and what followed from it are on disk: where it wants a task ended that a
    node still has, that the node is done with it.

    `is_pending` asks the store whether an event is still to be read.
    """

    def __init__(self, is_pending: Callable[[int], Awaitable[bool]]) -> None:
        self._is_pending = is_pending
        self._unended: dict[int, int] = {}
        """tasks that nodes have still to end, by event"""
        self._waiters: dict[asyncio.Future[bool], int] = {}
        self._consumed: set[int] = set()
        """of the events that are waited for"""
        self._is_over = False

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiters)

    def put_off(self, sequence: int, task: int) -> None:
        """The event is not settled as long as the task is on a node."""
        self._unended[sequence] = task

    def advance(self, consumed: Collection[int], on_nodes: Container[int]) -> None:
        """Events that were read and the present state of the shard are on disk."""
        self._consumed.update(sequence for sequence in self._waiters.values() if sequence in consumed)
        self._unended = {event: task for event, task in self._unended.items() if task in on_nodes}
        self._tell()

    def end(self) -> None:
        """The owner decides nothing any more: nobody is kept waiting."""
        self._is_over = True
        for future in self._waiters:
            if not future.done():
                future.set_result(False)

    async def wait(self, sequence: int) -> bool:
        """Until the event is settled; False if the owner is over before."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[future] = sequence
        try:
            if not await self._is_pending(sequence):  # it was read before anybody waited for it
                self._consumed.add(sequence)
                self._tell()
            if self._is_over and not future.done():
                return False
            return await future
        finally:
            del self._waiters[future]
            self._consumed.intersection_update(self._waiters.values())

    def _tell(self) -> None:
        for future, sequence in self._waiters.items():
            if sequence in self._consumed and sequence not in self._unended and not future.done():
                future.set_result(True)
