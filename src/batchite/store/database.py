"""One database: concurrent reads, and writes committed in groups.

SQLite lets one connection write at a time and a commit costs an fsync, so whatever is to be written
at the same moment is put into a single transaction. A unit that fails is undone alone. Large units
are run by a thread; small ones by the event loop itself, like the reads of a few rows, as long as
the disk syncs fast. The same interface serves PostgreSQL, where all is done by threads.

The interface is internal and may change.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from batchite.machine import extras
from batchite.store import groups
from batchite.store.groups import BY_HAND, Pending, T
from batchite.store.groups import Unit as Unit

MAX_GROUP = 512
"""Units in one commit; a bound on how long the first of them waits."""
MAX_SAVEPOINTS = 60
"""Units in one commit of PostgreSQL, which keeps 64 savepoints of a transaction where all can see them; of
one with more, whoever reads has to look them up."""
MAX_TOUCHED = 64
"""Units that the event loop runs in one go; a bound on how long it does nothing else."""
HANDED_OVER = 32
"""After so many units that the event loop committed, the thread makes the next commit: its connection
is the one that moves the log into the database when it has become long, which takes a while."""
SLOW_SECONDS = 0.002
"""Of a commit. A disk that needs longer would keep the event loop from all else, and handing the unit
to a thread, which takes a tenth of that, makes no difference then."""
_RECENT = 8
"""Commits that the mean of their times looks back on."""

SNAPSHOT: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Options with which PostgreSQL reads one state, as SQLite always does."""

BUSY_SECONDS = 10
"""For which a connection of SQLite waits for another that writes."""
_AGAIN_SECONDS = 0.01
"""After which it tries again where SQLite does not wait by itself."""
CACHE_KIB = 1024
"""Pages that a connection keeps to read; the system's own cache holds the rest."""
WRITERS_CACHE_KIB = 4096
"""The same of one that writes: its own stay good from commit to commit."""

log = logging.getLogger(__name__)


def create_engine(url: str) -> sa.Engine:
    """An engine with this project's settings: SQLite in WAL, every commit synced to disk.

    What is deleted is overwritten: in the file at once, and in the log beside it when that begins anew.
    Raises MissingPackageError if the database is PostgreSQL's and its driver is not installed.
    """
    if url.startswith("postgresql"):
        extras.require("psycopg", "A database of PostgreSQL")
    engine = sa.create_engine(url, pool_size=8, max_overflow=0, pool_pre_ping=False)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Have the file a journal of what is written. SQLite does not wait for others who are just beginning on
    the same file, whatever its timeout says. Raises sqlite3.OperationalError."""
    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(_AGAIN_SECONDS)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions on its own
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # overwrite what is deleted, as Debian's SQLite does unasked
    cursor.execute("PRAGMA wal_autocheckpoint=4000")  # pages; a checkpoint syncs twice
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute("PRAGMA journal_size_limit=67108864")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("by_hand", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing", False) else "BEGIN")


class Database:
    """The only writer of its file. Close it to stop its threads."""

    def __init__(self, url: str, *, readers: int = 4) -> None:
        self.engine = create_engine(url)
        self._is_file = self.engine.dialect.name == "sqlite"
        self._snapshots = self.engine if self._is_file else self.engine.execution_options(**SNAPSHOT)
        self._most = MAX_GROUP if self._is_file else MAX_SAVEPOINTS
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="read")
        self._loops: sa.Connection | None = None
        self._touching: list[Pending] = []
        self._touched = 0
        self._commit_seconds = 0.0
        self._committed: list[Callable[[], None]] = []
        self._turn = threading.Lock()
        """whoever writes has it"""
        self._queue: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._writer = threading.Thread(
            target=self._write_loop, args=(self._to_write(),), name="write", daemon=True
        )
        self._writer.start()

    async def read(self, query: Unit[T]) -> T:
        """Run `query` in one consistent snapshot, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    def _read(self, query: Unit[T]) -> T:
        try:
            return self._read_once(query)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._read_once(query)  # the server had closed the connection since it was last used

    def _read_once(self, query: Unit[T]) -> T:
        with self._snapshots.connect() as connection, connection.begin():
            return query(connection)

    async def look(self, query: Unit[T]) -> T:
        """As `read`, for queries that look up a few rows by their keys.

        SQLite answers them in less time than it takes to hand them to a thread, so they are run at once.
        """
        if not self._is_file:
            return await self.read(query)
        connection = self._loops or self._connect()
        groups.begin(connection, writing=False)
        try:
            return query(connection)
        finally:
            groups.abandon(connection)

    async def write(self, unit: Unit[T]) -> T:
        """Run `unit` in a transaction, once or more; returns once it is on disk.

        What `unit` raises is raised here after its changes, and only its, were undone. Any other
        error means the commit failed, and nothing of the unit is stored.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(Pending(unit, future))
        return await future

    async def touch(self, unit: Unit[T]) -> T:
        """As `write`, for units that change a few rows by their keys.

        While commits are fast, SQLite does it in less time than it takes to hand it to a thread and
        back, so it is done on the event loop, with all that came in the same round of it.
        """
        if not self._is_file:
            return await self.write(unit)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._touching:
            loop.call_soon(self._touch)
        self._touching.append(Pending(unit, future))
        return await future

    def on_commit(self, call: Callable[[], None]) -> None:
        """Call this after every commit, from whatever thread made it: something may have changed."""
        self._committed.append(call)

    def _touch(self) -> None:
        group, self._touching = self._touching, []
        if self._is_for_the_thread(group) or not self._turn.acquire(blocking=False):
            self._touched = 0
            for pending in group:
                self._queue.put(pending)
            return
        try:
            self._commit(group)
        finally:
            self._turn.release()
        self._touched += len(group)
        groups.settle(group)

    def _is_for_the_thread(self, group: Sequence[Pending]) -> bool:
        return self._commit_seconds > SLOW_SECONDS or self._touched >= HANDED_OVER or len(group) > MAX_TOUCHED

    def _connect(self) -> sa.Connection:
        """The event loop's own connection: its cache of pages stays good through its own writes."""
        self._loops = self._to_write()
        groups.driver(self._loops).execute("PRAGMA wal_autocheckpoint=0")
        return self._loops

    def _to_write(self) -> sa.Connection:
        connection = self.engine.connect().execution_options(**BY_HAND)
        if self._is_file:
            groups.driver(connection).execute(f"PRAGMA cache_size=-{WRITERS_CACHE_KIB}")
        return connection

    def close(self) -> None:
        """Finish what was asked for, then stop."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        if self._loops is not None:
            self._loops.close()
        self.engine.dispose()

    def _write_loop(self, connection: sa.Connection) -> None:
        with connection:
            stopping = False
            while not stopping:
                try:
                    group, stopping = self._next_group()
                    if group:
                        with self._turn:
                            self._commit(group, connection)
                        groups.resolve(group)
                except MemoryError:  # a unit's own is told to who waits; this one is nobody's
                    log.error("there is no memory to go on writing with")

    def _next_group(self) -> tuple[list[Pending], bool]:
        group: list[Pending] = []
        try:
            item = self._queue.get()
            while item is not None:
                group.append(item)
                if len(group) >= self._most:
                    return group, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _commit(self, group: Sequence[Pending], connection: sa.Connection | None = None) -> None:
        """Without a `connection` on the event loop's own."""
        try:
            used = connection or self._loops or self._connect()
            seconds = groups.commit(used, group)
        except Exception as error:
            log.exception("commit failed")
            for pending in group:
                pending.error = error
        else:
            self._commit_seconds += (seconds - self._commit_seconds) / _RECENT
            groups.repeat(used, group)
            for call in self._committed:
                call()
