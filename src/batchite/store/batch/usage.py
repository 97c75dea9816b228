"""What an account has taken of what it may: cores by its nodes, which also take places on this machine, and
jobs and job schedules."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.resources.states import CLOSED
from batchite.store.batch.schema import OPEN_JOB, core_usage, job_schedules, jobs, nodes
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


def active(connection: sa.Connection, account: str) -> int:
    """The account's jobs and job schedules that are not completed.

    The account's row is locked, so that of those that are added at once each counts the ones before.
    """
    lock(connection, account)
    is_active = (
        sa.and_(jobs.c.account == account, OPEN_JOB),
        sa.and_(job_schedules.c.account == account, job_schedules.c.state != CLOSED),
    )
    return sum(connection.execute(sa.select(sa.func.count()).where(one)).scalar_one() for one in is_active)


def _count(connection: sa.Connection) -> int:
    count: int = connection.execute(sa.select(sa.func.count()).select_from(nodes)).scalar_one()
    return count


def take(connection: sa.Connection, account: str, cores: int) -> None:
    """So many cores more; `changes.RETURN_CORES` gives them back."""
    connection.execute(
        sa.update(core_usage).where(core_usage.c.account == account).values(cores=core_usage.c.cores + cores)
    )
