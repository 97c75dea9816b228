"""The real clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from batchite.wire.ticks import Timestamp, WallTime

_NANOSECONDS = 100
"""of a tick"""


class SystemClock:
    """The machine's clock, and moments that follow it and never stand still or go back within one process.

    ETags are made from moments, so two changes must not share one. Where the machine's clock was ahead and
    is set right, moments go on at half of its speed until it has caught up, so that what ends after some
    time, such as a lease, still ends. `wall` and `steady` tell nanoseconds: since 1970, and of a clock that
    nobody sets.
    """

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._lock = threading.Lock()
        self._last = 0
        self._looked = 0
        """at the steady clock, when the last moment was ahead of the wall clock; 0: it was not"""

    def now(self) -> Timestamp:
        with self._lock:
            moment = self._wall() // _NANOSECONDS
            if moment > self._last:
                self._looked = 0
            else:
                moment = self._last + self._slowed()
            self._last = moment
        return Timestamp(moment)

    def _slowed(self) -> int:
        """By how many ticks the last moment is left behind."""
        steady = self._steady() // _NANOSECONDS
        passed = steady - self._looked if self._looked else 0
        self._looked = steady
        return max(passed // 2, 1)

    def wall(self) -> WallTime:
        return WallTime(Timestamp(self._wall() // _NANOSECONDS))
