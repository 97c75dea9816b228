"""Applications and their packages. What is in a package is a file (`store.package_files`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.resources.applications import Application, Package, Reference, resolved
from batchite.resources.keys import folded
from batchite.store.batch.pages import Part, Wanted, cut
from batchite.store.batch.recording import later
from batchite.store.batch.schema import applications, nodes, packages, pools
from batchite.store.dialects import insert

_PACKAGE = tuple(packages.c[name] for name in Package._fields)
_IS_USABLE = sa.exists().where(packages.c.application_no == applications.c.application_no)


def find(
    connection: sa.Connection, account: str, name: str, *, to_change: bool = False
) -> Application | None:
    """With `to_change` nobody else changes it until the transaction ends."""
    query = sa.select(applications).where(
        applications.c.account == account, applications.c.key == folded(name)
    )
    return next(iter(_read(connection, query.with_for_update() if to_change else query)), None)


def all_of(connection: sa.Connection, account: str) -> Sequence[Application]:
    """Also those without packages, by their ids."""
    query = sa.select(applications).where(applications.c.account == account)
    return _read(connection, query.order_by(applications.c.key))


def usable(connection: sa.Connection, account: str, wanted: Wanted) -> Part[Application]:
    """Those with packages, oldest first."""
    query = sa.select(applications).where(applications.c.account == account, _IS_USABLE)
    return cut(_read(connection, wanted.of(query, applications.c.application_no)), wanted.limit)


def _read(connection: sa.Connection, query: sa.Select[Any]) -> list[Application]:
    rows = connection.execute(query).all()
    found: dict[int, list[Package]] = {row.application_no: [] for row in rows}
    of_these = sa.select(packages.c.application_no, *_PACKAGE).where(packages.c.application_no.in_(found))
    for number, *package in connection.execute(of_these.order_by(packages.c.created, packages.c.key)):
        found[number].append(Package(*package))
    return [
        Application(
            row.application_no,
            row.id,
            row.display_name,
            row.allow_updates,
            row.default_key,
            row.created,
            row.modified,
            found[row.application_no],
        )
        for row in rows
    ]


def count(connection: sa.Connection, account: str) -> int:
    query = sa.select(sa.func.count()).where(applications.c.account == account)
    return int(connection.execute(query).scalar_one())


def add(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Unless there is one of its id."""
    connection.execute(insert(connection, applications).on_conflict_do_nothing(), dict(row))


def change(connection: sa.Connection, number: int, now: int, values: Mapping[str, Any]) -> None:
    modified = later(applications.c.modified, now)
    this = sa.update(applications).where(applications.c.application_no == number)
    connection.execute(this.values(modified=modified, **values))


def remove(connection: sa.Connection, number: int) -> None:
    """With its packages."""
    for table in (packages, applications):
        connection.execute(sa.delete(table).where(table.c.application_no == number))


def put_package(connection: sa.Connection, number: int, package: Package) -> None:
    """In the place of one of the same version, if there is any."""
    remove_package(connection, number, package.key)
    row = {"application_no": number, "key": package.key, **package._asdict()}
    connection.execute(sa.insert(packages), row)


def remove_package(connection: sa.Connection, number: int, key: str) -> None:
    this = sa.and_(packages.c.application_no == number, packages.c.key == key)
    connection.execute(sa.delete(packages).where(this))


def digests(connection: sa.Connection, among: Collection[str] | None = None) -> frozenset[str]:
    """Of the contents that packages of any account have; of `among` those that some have."""
    query = sa.select(packages.c.digest).distinct()
    if among is not None:
        query = query.where(packages.c.digest.in_(among))
    return frozenset(connection.execute(query).scalars())


def missing(connection: sa.Connection, account: str, references: Iterable[Reference]) -> dict[Reference, str]:
    """Those that mean no package, and why."""
    found = {one: resolved(one, find(connection, account, one.application_id)) for one in references}
    return {one: why for one, why in found.items() if isinstance(why, str)}


def account_of_node(connection: sa.Connection, node_id: str, token_hash: bytes) -> str | None:
    """Whose the node is that has this credential."""
    query = sa.select(pools.c.account).join(nodes, nodes.c.pool_no == pools.c.pool_no)
    this = query.where(nodes.c.id == node_id, nodes.c.token_hash == token_hash)
    found: str | None = connection.execute(this).scalar()
    return found


def has_content(connection: sa.Connection, account: str, digest: str) -> bool:
    """Whether a package of the account has it."""
    query = (
        sa.select(packages.c.digest)
        .join(applications, applications.c.application_no == packages.c.application_no)
        .where(applications.c.account == account, packages.c.digest == digest)
        .limit(1)
    )
    return connection.execute(query).scalar() is not None
