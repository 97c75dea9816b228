"""Ending many nodes: at the same time, within bounds, and honest about the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from batchite.engines.base import Engine
from batchite.engines.ending import end_all

Stop = Callable[..., Coroutine[Any, Any, None]]


class OnlyStops:
    """As much of an engine as this needs."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop


def engine(stop: Stop) -> Engine:
    return cast("Engine", OnlyStops(stop))


async def test_all_are_asked_before_the_first_has_ended() -> None:
    together, asked = asyncio.Barrier(3), dict[str, dict[str, Any]]()

    async def stop(node_id: str, _handle: object, **how: Any) -> None:
        asked[node_id] = how
        await together.wait()

    assert await end_all(engine(stop), dict.fromkeys("abc"), grace=2.5) == {}
    assert asked == {node_id: {"keep_files": True, "grace": 2.5} for node_id in "abc"}


async def test_those_that_stay_are_named_with_the_reason() -> None:
    async def stop(node_id: str, _handle: object, **_: object) -> None:
        if node_id == "hangs":
            await asyncio.Event().wait()
        raise OSError("no descriptors")

    remain = await end_all(engine(stop), dict.fromkeys(("hangs", "fails")), seconds=0.01)
    assert remain == {"hangs": "it did not end within 0.01 s", "fails": "no descriptors"}


async def test_nothing_to_end() -> None:
    async def stop(*_: object) -> None:
        raise AssertionError

    assert await end_all(engine(stop), {}) == {}
