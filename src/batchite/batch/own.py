"""Endpoints of our own below `/-/`, for those who may use the API and with refusals of its form.

They belong to no version of the protocol, so a request needs no `api-version` and says in its query only
what the endpoint knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchite.batch import queries, refusals
from batchite.configuration.accounts import BatchAccount
from batchite.web.principal import Principal
from batchite.web.request import Incoming
from batchite.web.router import Router
from batchite.wire.ticks import Clock, Timestamp

Authenticate: TypeAlias = Callable[[Incoming], tuple[BatchAccount, Principal]]
"""The account that a request is for and who makes it, by whatever it shows; raises BatchError.
`authentication.Keys` is one."""


@dataclass(frozen=True, slots=True)
class OwnCall:
    """An authenticated request of an endpoint of ours; `params` are those of its path."""

    request: Incoming
    account: BatchAccount
    principal: Principal
    params: Mapping[str, str]
    query: Mapping[str, str]
    """by lower-case name; empty ones are left out"""
    now: Timestamp


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` as a route has it (`web.router`); `query` are its parameters, in lower case."""

    verb: str
    path: str
    run: Callable[[OwnCall], Awaitable[Response]]
    query: frozenset[str] = field(default=frozenset())


class OwnApp:
    """An ASGI application: some endpoints, to be mounted at its `prefixes`."""

    def __init__(self, endpoints: Collection[Endpoint], authenticate: Authenticate, clock: Clock) -> None:
        self._authenticate = authenticate
        self._clock = clock
        self._prefixes = frozenset("/".join(entry.path.split("/")[:3]) for entry in endpoints)
        self._router = Router((entry.verb, entry.path, entry) for entry in endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await refusals.serve(self._answer, self._clock, scope, receive, send)

    @property
    def prefixes(self) -> Collection[str]:
        """Where it is to be mounted: the beginnings of its paths."""
        return self._prefixes

    async def _answer(self, request: Incoming) -> Response:
        """In this order: who shows nothing learns nothing, not even what there is."""
        account, principal = self._authenticate(request)
        match = self._router.match(request.verb, request.raw_path)
        endpoint = match.target
        query = queries.parse(request.query, endpoint.query)
        call = OwnCall(request, account, principal, match.params, query, self._clock.now())
        return await endpoint.run(call)
