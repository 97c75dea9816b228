"""What resources are found by: their ids without regard to case, and the shard of a pool."""

from __future__ import annotations


def folded(text: str) -> str:
    """The id as it is stored and compared. Ids are ASCII; a letter outside of it, such as the Kelvin sign
    whose lower case is `k`, must not become one of theirs."""
    return text.lower() if text.isascii() else text


def pool_shard(account: str, pool_id: str) -> str:
    """The shard of a pool, whether or not that pool exists yet: `account/pool`, the pool in lower case."""
    return f"{account}/{folded(pool_id)}"


def account_of(shard: str) -> str:
    """The account that the shard belongs to; there is no slash in its name."""
    return shard.partition("/")[0]
