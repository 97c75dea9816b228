"""Queries for lists of blobs, by keyset: a page costs what is on it, wherever it begins."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Self

import sqlalchemy as sa

from batchite.store.blobs.blobs import COLUMNS, Blob
from batchite.store.blobs.schema import LATEST
from batchite.store.blobs.schema import blobs as table
from batchite.store.blobs.schema import uncommitted as staged


class Included(NamedTuple):
    """What is listed besides the base blobs."""

    snapshots: bool
    versions: bool
    deleted: bool
    without_base: bool
    """the last version where nothing else is left of a blob"""

    @classmethod
    def of(cls, words: Collection[str]) -> Self:
        """From the values of `include`."""
        return cls(
            "snapshots" in words, "versions" in words, "deleted" in words, "deletedwithversions" in words
        )

    def condition(self, now: int) -> sa.ColumnElement[bool]:
        live, gone = table.c.deleted.is_(None), table.c.purge > now
        chosen: list[sa.ColumnElement[bool]] = [table.c.moment == LATEST]
        for kind, wanted in (("snapshot", self.snapshots), ("version", self.versions)):
            if wanted:
                shown = sa.or_(live, gone) if self.deleted else live
                chosen.append(sa.and_(table.c.kind == kind, shown))
        if self.deleted:
            chosen.append(sa.and_(table.c.kind == "deleted", gone))
        if self.without_base:
            chosen.append(sa.and_(table.c.kind == "version", live, _is_last()))
        return sa.or_(*chosen)


def _is_last() -> sa.ColumnElement[bool]:
    """There is no base of this name, and no later version."""
    later = table.alias("later")
    same = (later.c.container_no == table.c.container_no, later.c.name == table.c.name)
    better = sa.or_(later.c.moment == LATEST, sa.and_(later.c.kind == "version", later.c.deleted.is_(None)))
    return ~sa.exists().where(*same, later.c.moment > table.c.moment, better)


def page(
    connection: sa.Connection,
    container_no: int,
    first: tuple[str, int],
    end: str | None,
    limit: int,
    included: Included,
    now: int,
) -> list[Blob]:
    """At most `limit` blobs, by name and moment, from `first` up to, not including, the name `end`
    (None: no end)."""
    name, moment = first
    query = sa.select(*COLUMNS).where(table.c.container_no == container_no, table.c.name >= name)
    if moment:
        query = query.where(sa.or_(table.c.name > name, table.c.moment >= moment))
    query = query.where(included.condition(now))
    if end is not None:
        query = query.where(table.c.name < end)
    query = query.order_by(table.c.name, table.c.moment).limit(limit)
    return [Blob._make(row) for row in connection.execute(query).all()]


def uncommitted(
    connection: sa.Connection, container_no: int, first: str, end: str | None, limit: int, time: int
) -> list[Blob]:
    """As `page`, of names which nothing but staged blocks exist of; they have no time of their own."""
    base = sa.exists().where(
        table.c.container_no == staged.c.container_no,
        table.c.name == staged.c.name,
        table.c.moment == LATEST,
    )
    query = sa.select(staged.c.name).where(
        staged.c.container_no == container_no, staged.c.name >= first, ~base
    )
    if end is not None:
        query = query.where(staged.c.name < end)
    names = connection.execute(query.order_by(staged.c.name).limit(limit)).scalars()
    return [_uncommitted(name, time) for name in names]


def _uncommitted(name: str, time: int) -> Blob:
    nothing = (None,) * (len(Blob._fields) - 9)
    return Blob._make((0, name, LATEST, "base", None, "block", time, time, 0, *nothing))
