"""The real clock."""

from __future__ import annotations

import time

from batchite.wire.ticks import Timestamp


class SystemClock:
    """Wall-clock time that never stands still or goes back within one process.

    ETags are made from times, so two changes must not share one.
    """

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> Timestamp:
        now = time.time_ns() // 100
        self._last = now if now > self._last else self._last + 1
        return Timestamp(self._last)
