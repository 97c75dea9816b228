"""What resources are found by: their ids without regard to case, and the shards of pools and accounts."""

from __future__ import annotations


def folded(text: str) -> str:
    """The id as it is stored and compared. Ids are ASCII; a letter outside of it, such as the Kelvin sign
    whose lower case is `k`, must not become one of theirs."""
    return text.lower() if text.isascii() else text


def pool_shard(account: str, pool_id: str) -> str:
    """The shard of a pool, whether or not that pool exists yet: `account/pool`, the pool in lower case."""
    return f"{account}/{folded(pool_id)}"


def account_shard(account: str) -> str:
    """The shard of the account itself: that of its job schedules. It has no slash, unlike those of pools."""
    return account


def is_account(shard: str) -> bool:
    """Whether it is an account's, and no pool's."""
    return "/" not in shard


def account_of(shard: str) -> str:
    """The account that the shard belongs to; there is no slash in its name."""
    return shard.partition("/")[0]
