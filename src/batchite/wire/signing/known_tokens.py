"""Shared access signatures that were found genuine, so that they need not be verified again.

Clients send the same token with every request. What a token grants follows from the query, the place it
is used at and the peer alone, except for its times, and for tokens that depend on more than that: on
stored policies, on a user's key, on headers. Those are never remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from batchite.wire.signing import sas
from batchite.wire.signing.sas import Target, Token
from batchite.wire.ticks import Timestamp

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


class KnownTokens:
    """Those of one account, whose keys do not change."""

    def __init__(self) -> None:
        self._tokens: dict[Use, Token] = {}

    def find(self, use: Use | None, query: Mapping[str, str], now: Timestamp) -> Token | None:
        """The token that was added for this use. Raises SasError if it is not valid now."""
        token = self._tokens.get(use) if use else None
        if token is not None:
            sas.check_times(query, now)
        return token

    def add(self, use: Use | None, token: Token) -> None:
        if use is not None:
            if len(self._tokens) >= MAX_TOKENS:
                self._tokens.clear()
            self._tokens[use] = token
