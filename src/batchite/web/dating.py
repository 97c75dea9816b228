"""The Date of answers: the second in which an answer begins.

A blob that was written for it is of no later second then; HTTP wants that of Last-Modified.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate

Headers = list[tuple[bytes, bytes]]


class Dating:
    """Makes the header once a second, if it is asked for. `clock` tells seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._headers: Headers = []

    def headers(self) -> Headers:
        """Those of an answer that begins now."""
        second = int(self._clock())
        if second != self._second:
            self._headers = [(b"date", formatdate(second, usegmt=True).encode())]
            self._second = second
        return self._headers


now = Dating().headers
