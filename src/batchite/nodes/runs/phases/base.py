"""What every phase of a run is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol, TypeAlias

from batchite.nodes import failures
from batchite.nodes.failures import RunError
from batchite.wire.batch.outcome import Failure

Over: TypeAlias = Callable[[Failure | None], None]
"""Told once, and never from within `begin` or `cancel`: the phase is over, with what it failed of."""


class Phase(Protocol):
    """Begun once; nothing of it runs any more when it is over."""

    def begin(self, over: Over) -> bool:
        """Whether it is over already: then nobody is told. Raises RunError."""
        ...

    def cancel(self, seconds: float) -> None:
        """Come to an end, by force after so many seconds. `over` is told then as ever."""
        ...


class Work:
    """A phase that waits for others: a coroutine, which raises RunError, in an asyncio task of its own."""

    def __init__(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self, over: Over) -> bool:
        self._task = asyncio.get_running_loop().create_task(self._work())
        self._task.add_done_callback(lambda task: over(_failure(task)))
        return False

    def cancel(self, seconds: float) -> None:
        if self._task is not None:
            self._task.cancel()

    async def over(self) -> None:
        """Return when nothing of it goes on, however it ended."""
        if self._task is not None:
            await asyncio.wait([self._task])


def _failure(task: asyncio.Task[None]) -> Failure | None:
    """None also for one that was cancelled: whoever did that knows why."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, RunError):
        return error.failure
    return None if error is None else failures.unknown(error)
