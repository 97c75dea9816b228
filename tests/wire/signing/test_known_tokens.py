"""What is remembered of a token holds for the same use of it alone."""

import pytest

from batchite.wire.signing import known_tokens
from batchite.wire.signing.known_tokens import MAX_CHARACTERS, MAX_TOKENS, KnownTokens
from batchite.wire.signing.sas import Target, Token
from batchite.wire.ticks import Timestamp

NOW = Timestamp.parse("2026-01-01T12:00:00Z")
HERE = Target("acct", "cont", "blob", "http", "10.0.0.5")
TOKEN = Token("container", frozenset("r"))
CONTAINER = {"sv": "2026-10-06", "sr": "c", "sp": "r", "se": "2026-01-02", "sig": "s"}
BLOB = {**CONTAINER, "sr": "b"}


def known(query: dict[str, str], target: Target = HERE) -> KnownTokens:
    tokens = KnownTokens()
    tokens.add(known_tokens.use_of(raw(query), query, target), query, TOKEN)
    return tokens


def raw(query: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in query.items())


def found(
    tokens: KnownTokens, query: dict[str, str], target: Target = HERE, now: Timestamp = NOW
) -> Token | None:
    return tokens.find(known_tokens.use_of(raw(query), query, target), now)


def test_a_container_token_is_known_for_every_blob_of_the_container() -> None:
    other = Target("acct", "cont", "other", "http", "10.0.0.5")
    assert found(known(CONTAINER), CONTAINER, other) is TOKEN
    assert found(known(BLOB), BLOB) is TOKEN
    assert found(known(BLOB), BLOB, other) is None


@pytest.mark.parametrize(
    "target",
    [
        Target("acct", "elsewhere", "blob", "http", "10.0.0.5"),
        Target("acct", "cont", "blob", "https", "10.0.0.5"),
        Target("acct", "cont", "blob", "http", "10.0.0.6"),
    ],
)
def test_another_place_or_peer_is_another_use(target: Target) -> None:
    assert found(known(CONTAINER), CONTAINER, target) is None


def test_any_other_query_is_another_use() -> None:
    for name in CONTAINER:
        assert found(known(CONTAINER), {**CONTAINER, name: CONTAINER[name] + "x"}) is None


def test_a_known_token_still_ends() -> None:
    tokens = known(CONTAINER)
    assert found(tokens, CONTAINER, now=Timestamp.parse("2026-01-01T23:59:59Z")) is TOKEN
    assert found(tokens, CONTAINER, now=Timestamp.parse("2026-01-02T00:00:00Z")) is None


@pytest.mark.parametrize("more", [{"si": "policy"}, {"skoid": "user"}, {"rsct": "x" * MAX_CHARACTERS}])
def test_what_depends_on_more_and_what_is_long_is_not_remembered(more: dict[str, str]) -> None:
    query = {**CONTAINER, **more}
    assert found(known(query), query) is None


def test_the_number_kept_is_bounded() -> None:
    tokens = KnownTokens()
    uses = [{**CONTAINER, "sig": str(number)} for number in range(MAX_TOKENS + 1)]
    for query in uses:
        tokens.add(known_tokens.use_of(raw(query), query, HERE), query, TOKEN)
    assert sum(found(tokens, query) is TOKEN for query in uses) <= MAX_TOKENS
    assert found(tokens, uses[-1]) is TOKEN
