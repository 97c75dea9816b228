"""What takes minutes says so in the agent's log, so that whoever wonders finds what is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

NOTICE_SECONDS = 60.0
"""After so long it is told first, then each time twice as much has passed."""

log = logging.getLogger(__name__)


@contextlib.contextmanager
def noticed(what: str, seconds: float = NOTICE_SECONDS) -> Iterator[None]:
    """Tells `what` as long as the block goes on."""
    notice = _Notice(what, seconds)
    try:
        yield
    finally:
        notice.timer.cancel()


class _Notice:
    def __init__(self, what: str, seconds: float) -> None:
        self._what = what
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.timer = self._plan(seconds)

    def _plan(self, seconds: float) -> asyncio.TimerHandle:
        return self._loop.call_at(self._began + seconds, self._tell, seconds)

    def _tell(self, seconds: float) -> None:
        log.warning("%s after %.0f seconds.", self._what, seconds)
        self.timer = self._plan(2 * seconds)
