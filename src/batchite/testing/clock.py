"""A clock that moves only when it is told to."""

from __future__ import annotations

from batchite.wire.ticks import Duration, Timestamp, WallTime

START = Timestamp.parse("2026-01-31T12:00:00Z")


class FakeClock:
    """Takes the place of the real clock.

    Two readings differ by one tick of 100 ns, since the services promise that no two changes happen
    at the same moment; otherwise time stands still between calls of `advance`.
    """

    def __init__(self, start: Timestamp = START) -> None:
        self._ticks = start.ticks

    def now(self) -> Timestamp:
        self._ticks += 1
        return Timestamp(self._ticks)

    def wall(self) -> WallTime:
        return WallTime(Timestamp(self._ticks))

    def advance(self, *, days: int = 0, minutes: int = 0, seconds: float = 0) -> None:
        """Let this much time pass at once."""
        self._ticks += Duration.of(days=days, minutes=minutes, seconds=seconds).ticks
