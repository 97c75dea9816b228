"""One database: concurrent reads, and writes committed in groups.

SQLite lets one connection write at a time and a commit costs an fsync, so all writes go through one
thread that puts every unit waiting for it into a single transaction. Each unit has a savepoint of
its own: a unit that fails is undone alone. The same interface serves PostgreSQL.

The interface is internal and may change.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
Unit = Callable[[sa.Connection], T]

MAX_GROUP = 512
"""Units in one commit; a bound on how long the first of them waits."""

CACHE_KIB = 4096
"""Pages each connection keeps; the system's own cache holds the rest."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pending:
    unit: Unit[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


def create_engine(url: str) -> sa.Engine:
    """An engine with this project's settings: SQLite in WAL, every commit synced to disk."""
    engine = sa.create_engine(url, pool_size=8, max_overflow=0, pool_pre_ping=False)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions on its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA wal_autocheckpoint=4000")  # pages; a checkpoint syncs twice
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute("PRAGMA journal_size_limit=67108864")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("looking", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing", False) else "BEGIN")


@contextmanager
def _savepoint(connection: sa.Connection) -> Iterator[None]:
    """Cheaper than `begin_nested`, which builds a transaction object for every unit, and straight to the
    driver, since it is done for every one."""
    cursor = connection.connection.cursor()
    cursor.execute("SAVEPOINT unit")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK TO SAVEPOINT unit")
        cursor.execute("RELEASE SAVEPOINT unit")
        raise
    cursor.execute("RELEASE SAVEPOINT unit")


def _in_snapshot(connection: sa.Connection, query: Unit[T]) -> T:
    """One state of the database for all statements, without a transaction of SQLAlchemy's."""
    driver = connection.connection
    driver.cursor().execute("BEGIN")
    try:
        return query(connection)
    finally:
        if connection.in_transaction():  # SQLAlchemy saw one begin
            connection.rollback()
        else:
            driver.rollback()


class Database:
    """The only writer of its file. Close it to stop its threads."""

    def __init__(self, url: str, *, readers: int = 4) -> None:
        self.engine = create_engine(url)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="read")
        self._looking: sa.Connection | None = None
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="write", daemon=True)
        self._writer.start()

    async def read(self, query: Unit[T]) -> T:
        """Run `query` in one consistent snapshot, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    def _read(self, query: Unit[T]) -> T:
        with self.engine.connect() as connection, connection.begin():
            return query(connection)

    async def look(self, query: Unit[T]) -> T:
        """As `read`, for queries that look up a few rows by their keys.

        SQLite answers them in less time than it takes to hand them to a thread, so they are run at once.
        """
        if self.engine.dialect.name != "sqlite":
            return await self.read(query)
        if self._looking is None:
            self._looking = self.engine.connect().execution_options(looking=True)
        return _in_snapshot(self._looking, query)

    async def write(self, unit: Unit[T]) -> T:
        """Run `unit` in a transaction; returns once it is on disk.

        What `unit` raises is raised here after its changes, and only its, were undone. Any other
        error means the commit failed, and nothing of the unit is stored.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Pending(unit, future))
        return await future

    def close(self) -> None:
        """Finish what was asked for, then stop."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        if self._looking is not None:
            self._looking.close()
        self.engine.dispose()

    def _write_loop(self) -> None:
        with self.engine.connect().execution_options(writing=True) as connection:
            stopping = False
            while not stopping:
                group, stopping = self._next_group()
                if group:
                    self._commit(connection, group)
                    _resolve(group)

    def _next_group(self) -> tuple[list[_Pending], bool]:
        group: list[_Pending] = []
        try:
            item = self._queue.get()
            while item is not None:
                group.append(item)
                if len(group) >= MAX_GROUP:
                    return group, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _commit(self, connection: sa.Connection, group: list[_Pending]) -> None:
        try:
            with connection.begin():
                for pending in group:
                    try:
                        with _savepoint(connection):
                            pending.result = pending.unit(connection)
                    except Exception as error:  # the unit's own failure, reported to its caller
                        pending.error = error
        except Exception as error:
            log.exception("commit failed")
            for pending in group:
                pending.error = error


def _resolve(group: list[_Pending]) -> None:
    """Wake the callers, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Pending]] = {}
    for pending in group:
        by_loop.setdefault(pending.future.get_loop(), []).append(pending)
    for loop, members in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, members)
        except RuntimeError:  # that loop has been closed; nobody waits any more
            continue


def _settle(members: list[_Pending]) -> None:
    for pending in members:
        if pending.future.done():
            continue
        if pending.error is not None:
            pending.future.set_exception(pending.error)
        else:
            pending.future.set_result(pending.result)
