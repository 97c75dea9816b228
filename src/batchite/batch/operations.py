"""What an operation is: the entry of a resource's table of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from batchite.batch import conditions
from batchite.batch.call import Call
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.requests import REQUESTS

LIST = frozenset({"maxresults", "$skiptoken"})
SELECT = frozenset({"$select"})
EXPAND = frozenset({"$select", "$expand"})
FILTERED = LIST | {"$filter"}


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is the protocol's. `query` names the parameters it takes beyond those that all take, in
    lower case, `conditions` the conditional headers. It is part of the API versions from `since` to
    `until`; `later` says of parameters with which version they came."""

    name: str
    verb: str
    path: str
    run: Callable[[Call], Awaitable[Response]]
    query: frozenset[str] = field(default=frozenset())
    conditions: frozenset[str] = field(default=frozenset())
    since: str = ""
    until: str = ""
    later: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def span(self) -> str:
        """Its versions in words; nothing if it has always been there."""
        since = f"from {self.since}" if self.since else ""
        return f"{since} to {self.until}".strip() if self.until else since

    def check(self, version: str) -> None:
        """Raises BatchError if a version has no such operation."""
        if version < self.since or (self.until and version > self.until):
            detail = f"{self.name} is no operation of API version {version}; it is one {self.span}."
            raise BatchError("ResourceNotFound", detail)

    def parameters(self, version: str) -> frozenset[str]:
        """The names of its query parameters in a version."""
        return self.query.difference(name for name, since in self.later.items() if version < since)

    @property
    def changes(self) -> bool:
        """Whether it may change something, as its verb says."""
        return self.verb not in ("GET", "HEAD")


CONDITIONAL = conditions.ALL
CONDITIONAL_ON_TIME = conditions.DATES


def operation(
    name: str,
    run: Callable[[Call], Awaitable[Response]],
    query: frozenset[str] = frozenset(),
    conditions: frozenset[str] = frozenset(),
    later: Mapping[str, str] | None = None,
) -> Operation:
    """An operation of the protocol, which says by which request it is asked for."""
    verb, path, since, until = REQUESTS[name]
    return Operation(name, verb, path, run, query, conditions, since, until, later or {})
