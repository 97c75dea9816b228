"""For whom something is done, when, and with what: all that an action has to know beside what it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from batchite.batch.services import Services
from batchite.wire.ticks import Timestamp

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Acting:
    """`account` is the name of the account to which it is done."""

    services: Services
    account: str
    moment: Timestamp

    @property
    def now(self) -> int:
        """The moment in ticks."""
        return self.moment.ticks

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """What the query finds in the database."""
        return await self.services.database.read(query)

    async def look(self, query: Callable[[sa.Connection], T]) -> T:
        """The same of a query that looks up a row or a few by their keys."""
        return await self.services.database.look(query)
