"""Waiting for what an event brings about."""

from __future__ import annotations

import asyncio

from batchite.dispatch.settling import Settling


def waits(settling: Settling, *events: int) -> list[asyncio.Task[bool]]:
    return [asyncio.create_task(settling.wait(event, 60)) for event in events]


async def done(tasks: list[asyncio.Task[bool]]) -> list[bool]:
    """Which of them are over, once all that can have gone on."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return [task.done() for task in tasks]


async def test_an_event_is_settled_when_it_is_read_and_its_task_is_on_no_node() -> None:
    settling = Settling(applied=3)
    assert await settling.wait(3, 60)
    tasks = waits(settling, 4, 5, 6)
    assert await done(tasks) == [False, False, False]
    settling.put_off(4, 100)
    settling.put_off(5, 200)
    settling.advance(5, {100, 200})
    assert await done(tasks) == [False, False, False]
    settling.advance(6, {100})
    assert await done(tasks) == [False, True, True]
    settling.advance(6, ())
    assert await asyncio.gather(*tasks) == [True, True, True]
    assert not settling.is_awaited


async def test_who_waits_too_long_is_told_so() -> None:
    assert not await Settling(applied=0).wait(1, 0)


async def test_nobody_waits_for_an_owner_that_is_over() -> None:
    settling = Settling(applied=1)
    tasks = waits(settling, 2)
    assert await done(tasks) == [False]
    settling.end()
    assert await asyncio.gather(*tasks, *waits(settling, 2, 1)) == [False, False, True]
