"""Guessing keys is made slow: only so many wrong ones are heard in a while."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 300
FROM_ONE = 10
"""wrong keys from one address"""
FROM_ALL = 200


class Throttle:
    """Times are seconds of a clock."""

    def __init__(self) -> None:
        self._failures: deque[tuple[float, str]] = deque()

    def wait(self, address: str, now: float) -> float:
        """Seconds until another key is heard from the address; 0: it is heard."""
        while self._failures and self._failures[0][0] <= now - WINDOW_SECONDS:
            self._failures.popleft()
        own = [at for at, of in self._failures if of == address]
        begins = []
        if len(own) >= FROM_ONE:
            begins.append(own[-FROM_ONE])
        if len(self._failures) >= FROM_ALL:
            begins.append(self._failures[-FROM_ALL][0])
        return max((at + WINDOW_SECONDS - now for at in begins), default=0.0)

    def failed(self, address: str, now: float) -> None:
        """A wrong key came from the address."""
        self._failures.append((now, address))
