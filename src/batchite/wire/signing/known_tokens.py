"""Shared access signatures that were found genuine, so that they need not be verified again.

Clients send the same token with every request. What a token grants follows from the query, the place it
is used at, the peer and the time alone, except for tokens that depend on more than that: on stored
policies, on a user's key, on headers. Those are never remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from batchite.wire.signing import sas
from batchite.wire.signing.sas import Target, Token
from batchite.wire.ticks import WallTime

MAX_TOKENS = 1024
MAX_CHARACTERS = 1024
"""Of a query; with the number of tokens, a bound on what clients can make us keep."""


class Use(NamedTuple):
    """A token at a place; `raw_query` has the token and what else was asked."""

    raw_query: str
    container: str
    blob: str
    scheme: str
    client_address: str


def use_of(raw_query: str, query: Mapping[str, str], target: Target) -> Use | None:
    """None for what cannot be remembered."""
    if len(raw_query) > MAX_CHARACTERS or "si" in query or "skoid" in query:
        return None
    blob = "" if query.get("sr") == "c" else target.blob  # such a token is for every blob
    return Use(raw_query, target.container, blob, target.scheme, target.client_address)


class _Known(NamedTuple):
    token: Token
    start: int
    end: int


class KnownTokens:
    """Those of one account, whose keys do not change."""

    def __init__(self) -> None:
        self._tokens: dict[Use, _Known] = {}

    def find(self, use: Use | None, now: WallTime) -> Token | None:
        """The token that was added for this use, if it is valid now."""
        known = self._tokens.get(use) if use else None
        return known.token if known and known.start <= now.ticks < known.end else None

    def add(self, use: Use | None, query: Mapping[str, str], token: Token) -> None:
        """`query` has the token's times."""
        if use is not None:
            if len(self._tokens) >= MAX_TOKENS:
                self._tokens.clear()
            start, end = sas.times(query)
            self._tokens[use] = _Known(token, start.ticks, end.ticks)
