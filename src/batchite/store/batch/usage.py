"""What nodes have taken: cores of an account's quota, and places on this machine."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.store.batch.schema import core_usage, nodes
from batchite.store.dialects import insert


def lock(connection: sa.Connection, account: str) -> tuple[int, int]:
    """The account's cores that are in use, and the nodes of all accounts.

    The account's row is locked, so that pools growing at once cannot share a core.
    """
    upsert = insert(connection, core_usage).values(account=account, cores=0)
    connection.execute(upsert.on_conflict_do_nothing(index_elements=["account"]))
    of_account = sa.select(core_usage.c.cores).where(core_usage.c.account == account).with_for_update()
    cores: int = connection.execute(of_account).scalar_one()
    return cores, _count(connection)


def look(connection: sa.Connection, account: str) -> tuple[int, int]:
    """The same, as it is at the moment."""
    cores = connection.execute(sa.select(core_usage.c.cores).where(core_usage.c.account == account)).scalar()
    return cores or 0, _count(connection)


def _count(connection: sa.Connection) -> int:
    count: int = connection.execute(sa.select(sa.func.count()).select_from(nodes)).scalar_one()
    return count


def take(connection: sa.Connection, account: str, cores: int) -> None:
    """So many cores more; `changes.RETURN_CORES` gives them back."""
    connection.execute(
        sa.update(core_usage).where(core_usage.c.account == account).values(cores=core_usage.c.cores + cores)
    )
