"""Several things at once, but not too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine

from batchite.nodes.failures import RunError


async def together(work: AsyncIterator[Coroutine[None, None, None]], at_once: int) -> None:
    """Do all of it, so much at the same time. The first that fails ends the others, and is raised."""
    running: set[asyncio.Task[None]] = set()
    try:
        async with asyncio.TaskGroup() as group:
            async for one in work:
                running.add(group.create_task(one))
                if len(running) == at_once:
                    _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The reason of a group's failure: a RunError if there is one."""
    while isinstance(error := errors.exceptions[0], BaseExceptionGroup):
        errors = error
    return next((each for each in errors.exceptions if isinstance(each, RunError)), error)
