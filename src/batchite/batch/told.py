"""What the log has been told already, so that it is not told again with every request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

REMEMBERED: Final = 1000
"""The last ones; what was told before may be told again."""


class Told:
    def __init__(self) -> None:
        self._told: OrderedDict[Hashable, None] = OrderedDict()

    def is_news(self, what: Hashable) -> bool:
        """Whether this is the first time that it is asked of."""
        if what in self._told:
            return False
        self._told[what] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True
