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
    loop = asyncio.get_running_loop()
    began = loop.time()

    def tell(passed: float) -> None:
        nonlocal timer
        log.warning("%s after %.0f seconds.", what, passed)
        timer = loop.call_at(began + 2 * passed, tell, 2 * passed)

    timer = loop.call_at(began + seconds, tell, seconds)
    try:
        yield
    finally:
        timer.cancel()
