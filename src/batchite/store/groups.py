"""Units of writes that are committed together: a commit costs a sync of the disk, whatever it holds.

Where others write as well, units that wait for each other's rows may be in each other's way for good; the
database ends one of them then, and it is run again, alone. So a unit may be run more than once, and leaves
nothing behind but what it returns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
TRIES = 10
"""How often a unit is run that others are in the way of."""
_IN_THE_WAY = ("40001", "40P01")
"""PostgreSQL's states for what would have gone well alone."""
Unit = Callable[[sa.Connection], T]

BY_HAND = {"by_hand": True}
"""Execution options of connections whose transactions begin and end here. SQLAlchemy's own take longer
than SQLite needs for a small unit."""


@dataclass(slots=True)
class Pending:
    """A unit and who waits for it."""

    unit: Unit[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


def commit(connection: sa.Connection, group: Sequence[Pending]) -> float:
    """Run all units in one transaction, each undone alone if it fails; returns the seconds that the
    commit itself took. Raises what made it fail, and then nothing of the group is stored."""
    begin(connection, writing=True)
    try:
        if len(group) == 1:
            return _alone(connection, group[0])
        for pending in group:
            _together(connection, pending)
        return _end(connection)
    except BaseException:
        abandon(connection)
        raise


def repeat(connection: sa.Connection, group: Sequence[Pending]) -> None:
    """Run those again that others were in the way of, each in a transaction of its own."""
    for pending in group:
        for _ in range(1, TRIES):
            if not _was_in_the_way(pending.error):
                break
            pending.error = None
            try:
                commit(connection, [pending])
            except Exception as error:
                pending.error = error


def _was_in_the_way(error: BaseException | None) -> bool:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return getattr(cause, "sqlstate", None) in _IN_THE_WAY


def begin(connection: sa.Connection, *, writing: bool) -> None:
    """Other drivers than SQLite's begin on their own."""
    if connection.dialect.name == "sqlite":
        driver(connection).execute("BEGIN IMMEDIATE" if writing else "BEGIN")


def abandon(connection: sa.Connection) -> None:
    """End the transaction without its changes; a connection that the server has closed is made anew."""
    if not connection.invalidated and getattr(driver(connection), "closed", False):
        connection.invalidate()
    if (begun := connection.get_transaction()) is not None:  # SQLAlchemy saw one begin, or fail to end
        begun.rollback()
    driver(connection).rollback()


def driver(connection: sa.Connection) -> Any:
    """The driver's connection: `sqlite3` and `psycopg` have the same methods where they are used."""
    return connection.connection.dbapi_connection


def _alone(connection: sa.Connection, pending: Pending) -> float:
    try:
        pending.result = pending.unit(connection)
    except Exception as error:  # the unit's own failure, reported to its caller
        pending.error = error
        abandon(connection)
        return 0.0
    return _end(connection)


def _together(connection: sa.Connection, pending: Pending) -> None:
    execute = driver(connection).execute
    execute("SAVEPOINT unit")
    try:
        pending.result = pending.unit(connection)
    except Exception as error:
        pending.error = error
        execute("ROLLBACK TO SAVEPOINT unit")
    execute("RELEASE SAVEPOINT unit")


def _end(connection: sa.Connection) -> float:
    began = time.perf_counter()
    if connection.in_transaction():
        connection.commit()
    else:
        driver(connection).commit()
    return time.perf_counter() - began


def resolve(group: Sequence[Pending]) -> None:
    """Wake the callers from another thread, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
    for pending in group:
        by_loop.setdefault(pending.future.get_loop(), []).append(pending)
    for loop, members in by_loop.items():
        try:
            loop.call_soon_threadsafe(settle, members)
        except RuntimeError:  # that loop has been closed; nobody waits any more
            continue


def settle(group: Sequence[Pending]) -> None:
    """Wake the callers, on their event loop."""
    for pending in group:
        if pending.future.done():
            continue
        if pending.error is not None:
            pending.future.set_exception(pending.error)
        else:
            pending.future.set_result(pending.result)
