"""Reports: numbered, and kept until the service has them on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from batchite.link.messages import Report, RunEnded, RunKey, RunReturned, key_of


class Reports:
    """What the service must learn; `send` is only a try, `pending` is told again after a break."""

    def __init__(self, send: Callable[[Report, bool], None]) -> None:
        self._send = send
        self._last = 0
        self._pending: deque[Report] = deque()
        self._over: set[RunKey] = set()

    @property
    def next_number(self) -> int:
        """The number the next report must carry."""
        return self._last + 1

    def add(self, report: Report, *, soon: bool = True) -> None:
        """Keep and send. Not `soon`: it may wait a moment for others to travel with."""
        self._last = report.report
        self._pending.append(report)
        if isinstance(report, RunEnded | RunReturned):
            self._over.add(key_of(report))
        self._send(report, soon)

    def acknowledge(self, number: int) -> None:
        while self._pending and self._pending[0].report <= number:
            report = self._pending.popleft()
            if isinstance(report, RunEnded | RunReturned):
                self._over.discard(key_of(report))

    def holds(self, key: RunKey) -> bool:
        """Whether the run is over here and the service may not know it yet."""
        return key in self._over

    def held(self) -> Iterator[RunKey]:
        return iter(self._over)

    @property
    def pending(self) -> list[Report]:
        """In the order of their numbers."""
        return list(self._pending)
