"""What a node sees to before anything runs there: the application packages of its pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping

from batchite.nodes import failures
from batchite.nodes.failures import RunError
from batchite.wire.batch.outcome import Failure


class Preparing:
    """Begun at once, if there is something to do. `over` is told once it is; what it failed of is kept."""

    def __init__(
        self,
        install: Coroutine[None, None, Mapping[str, str]] | None,
        know: Callable[[Mapping[str, str]], None],
        over: Callable[[], None],
    ) -> None:
        """`know` takes what `install` comes to."""
        self._know = know
        self._over = over
        self.failure: Failure | None = None
        self._task = (
            None if install is None else asyncio.get_running_loop().create_task(self._prepare(install))
        )

    @property
    def is_over(self) -> bool:
        return self._task is None or self._task.done()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _prepare(self, install: Coroutine[None, None, Mapping[str, str]]) -> None:
        try:
            self._know(await install)
        except RunError as error:
            self.failure = error.failure
        except Exception as error:
            self.failure = failures.unknown(error)
        asyncio.get_running_loop().call_soon(self._over)  # when this is done
