"""Certificates, as the API reads and writes them. No shard has anything to do with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from batchite.resources.certificates import CertificateRow
from batchite.store.batch import pages
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.schema import certificates, pools
from batchite.store.dialects import insert_for


def add(connection: sa.Connection, row: Mapping[str, Any]) -> bool:
    """Whether the account had none of this thumbprint."""
    statement = insert_for(connection.dialect.name, certificates).values(row).on_conflict_do_nothing()
    added = connection.execute(statement.returning(certificates.c.certificate_no))
    return added.one_or_none() is not None


def find(
    connection: sa.Connection, account: str, thumbprint: str, *, to_change: bool = False
) -> CertificateRow | None:
    """With `to_change` nobody else changes it until the transaction ends."""
    query = sa.select(certificates).where(
        certificates.c.account == account, certificates.c.thumbprint == thumbprint
    )
    return connection.execute(query.with_for_update() if to_change else query).one_or_none()


def page(connection: sa.Connection, account: str, wanted: Wanted) -> Part[CertificateRow]:
    """Of the account, oldest first."""
    query = sa.select(certificates).where(certificates.c.account == account)
    found = connection.execute(wanted.of(query, certificates.c.certificate_no)).all()
    return pages.cut(found, wanted.limit)


def remove(connection: sa.Connection, number: int) -> None:
    connection.execute(sa.delete(certificates).where(certificates.c.certificate_no == number))


def move(connection: sa.Connection, number: int, state: str, now: int, error: bytes | None = None) -> None:
    """To another state."""
    connection.execute(
        sa.update(certificates)
        .where(certificates.c.certificate_no == number)
        .values(
            state=state,
            state_time=now,
            previous_state=certificates.c.state,
            previous_state_time=certificates.c.state_time,
            error=error,
        )
    )


def pool_definitions(connection: sa.Connection, account: str) -> Iterator[tuple[str, bytes]]:
    """Ids and definitions of the account's pools."""
    query = sa.select(pools.c.id, pools.c.definition).where(pools.c.account == account)
    return ((row.id, row.definition) for row in connection.execute(query.order_by(pools.c.pool_no)))
