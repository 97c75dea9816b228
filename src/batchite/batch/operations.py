"""What an operation is: the entry of a resource's table of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.responses import Response

from batchite.batch import conditions
from batchite.batch.call import Call

LIST = frozenset({"maxresults", "$skiptoken"})
SELECT = frozenset({"$select"})
EXPAND = frozenset({"$select", "$expand"})
FILTERED = LIST | {"$filter"}


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is the protocol's. `query` names the parameters it takes beyond those that all take, in
    lower case, `conditions` the conditional headers."""

    name: str
    verb: str
    path: str
    run: Callable[[Call], Awaitable[Response]]
    query: frozenset[str] = field(default=frozenset())
    conditions: frozenset[str] = field(default=frozenset())

    @property
    def changes(self) -> bool:
        """Whether it may change something, as its verb says."""
        return self.verb not in ("GET", "HEAD")


CONDITIONAL = conditions.ALL
CONDITIONAL_ON_TIME = conditions.DATES
