"""Ending many nodes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from batchite.engines.base import GRACE_SECONDS, Engine, Handle

END_SECONDS = 20.0
"""After which nobody waits any more for nodes of which something still runs."""


async def end_all(
    engine: Engine,
    handles: Mapping[str, Handle | None],
    *,
    grace: float = GRACE_SECONDS,
    seconds: float = END_SECONDS,
) -> dict[str, str]:
    """End all nodes in order and at the same time; their files stay.

    Returns those of which something may still run, with the reason.
    """
    stops = {
        node_id: asyncio.create_task(engine.stop(node_id, handle, keep_files=True, grace=grace))
        for node_id, handle in handles.items()
    }
    if stops:
        await asyncio.wait(stops.values(), timeout=seconds)
    remain = {node_id: reason for node_id, stop in stops.items() if (reason := _why_not(stop, seconds))}
    for stop in stops.values():
        stop.cancel()
    return remain


def _why_not(stop: asyncio.Task[None], seconds: float) -> str | None:
    if not stop.done():
        return f"it did not end within {seconds:g} s"
    error = stop.exception()
    return None if error is None else str(error) or type(error).__name__
