"""How often and how long to try what may work the next time, such as an HTTP request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable


class Patience:
    """`pause` waits between tries.

    Together the pauses are 13 to 25 seconds, since a Blob service that was killed must have time to
    be back. They count only while the node is `served`: as long as its own service is away nobody can
    be told of a failure, and files mostly come from the same machine, so the tries begin anew.
    """

    def __init__(
        self,
        tries: int = 8,
        first_pause: float = 0.2,
        silence: float = 60.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        served: asyncio.Event | None = None,
    ) -> None:
        self.silence = silence
        """seconds without a byte after which a try has failed"""
        self._tries = tries
        self._first_pause = first_pause
        self._pause = pause
        self._served = served

    async def after(self, failed: int) -> int | None:
        """Wait before the next try; so many have failed in a row. Returns how many of them count from now on;
        None: there is to be no further one."""
        if self._served is not None and not self._served.is_set():
            await self._served.wait()
            failed = 0
        elif failed == self._tries:
            return None
        pause = self._first_pause * 2.0 ** max(failed - 1, 0)
        await self._pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries
        return failed
