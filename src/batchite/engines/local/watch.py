"""An agent that runs, held by a descriptor of its process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from batchite.engines.local.agent import Agent


class Watch:
    """Tells when the agent ends, whoever started it, and reaches this process or none with a signal.

    Only the watch itself closes its descriptor, once; whoever uses it later reaches nobody.
    """

    def __init__(self, agent: Agent, descriptor: int, ended: Callable[[Watch], None]) -> None:
        self.agent = agent
        self.is_expected_to_end = False
        self._descriptor: int | None = descriptor
        self._tell = ended
        self._over = asyncio.Event()
        asyncio.get_running_loop().add_reader(descriptor, self._ended)

    async def end(self, grace: float) -> None:
        """Ask the agent to end, kill it after `grace` seconds; returns when it is over."""
        self.is_expected_to_end = True
        if grace > 0:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # a stopped process would not hear it
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), grace)
        self._signal(signal.SIGKILL)
        await self._over.wait()

    def close(self) -> None:
        """Watch no longer."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _ended(self) -> None:
        self.close()
        self._over.set()
        self._tell(self)

    def _signal(self, number: signal.Signals) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)


def open_watch(agent: Agent, ended: Callable[[Watch], None]) -> Watch | None:
    """None if the agent has ended meanwhile. Raises OSError if there are too many descriptors."""
    try:
        descriptor = os.pidfd_open(agent.pid)
    except ProcessLookupError:
        return None
    try:
        runs = agent.runs
    except OSError:
        os.close(descriptor)
        raise
    if not runs:
        os.close(descriptor)
        agent.bury()
        return None
    return Watch(agent, descriptor, ended)
