"""Waiting for what an event brings about."""

from __future__ import annotations

import asyncio

from batchite.dispatch.settling import Settling


class Store:
    """Which events are still to be read."""

    def __init__(self, *pending: int) -> None:
        self.pending = set(pending)

    async def is_pending(self, sequence: int) -> bool:
        return sequence in self.pending


def waits(settling: Settling, *events: int) -> list[asyncio.Task[bool]]:
    return [asyncio.create_task(settling.wait(event)) for event in events]


async def done(tasks: list[asyncio.Task[bool]]) -> list[bool]:
    """Which of them are over, once all that can have gone on."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return [task.done() for task in tasks]


async def test_an_event_is_settled_when_it_is_read_and_its_task_is_on_no_node() -> None:
    """In whatever order events are read."""
    settling = Settling(Store(4, 5, 6, 7).is_pending)
    assert await settling.wait(3)
    tasks = waits(settling, 4, 5, 6, 7)
    assert await done(tasks) == [False] * 4
    settling.put_off(5, 100)
    settling.put_off(7, 200)
    settling.advance([7, 5], {100, 200})
    assert await done(tasks) == [False] * 4
    settling.advance([6], {100})
    assert await done(tasks) == [False, False, True, True]
    settling.advance([4], {100})
    assert await done(tasks) == [True, False, True, True]
    settling.advance([], ())
    assert await asyncio.gather(*tasks) == [True] * 4
    assert not settling.is_awaited


async def test_an_event_that_is_read_while_the_store_is_asked() -> None:
    """The answer is old by then."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def is_pending(_: int) -> bool:
        asked.set()
        await may_answer.wait()
        return True

    settling = Settling(is_pending)
    (task,) = waits(settling, 1)
    await asked.wait()
    settling.advance([1], ())
    may_answer.set()
    assert await task


async def test_nobody_waits_for_an_owner_that_is_over() -> None:
    settling = Settling(Store(2).is_pending)
    tasks = waits(settling, 2)
    assert await done(tasks) == [False]
    settling.end()
    assert await asyncio.gather(*tasks, *waits(settling, 2, 1)) == [False, False, True]
