"""Whether a database file may be used, found out without writing to it or beside it.

The supervisor does this before anything else is done with a data directory, so it takes the standard
library only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

from batchite.store import revisions
from batchite.store.revisions import Name

VERSIONS = "alembic_version"
"""the table with the number of the revision"""
OWN_TABLE = {"batch": "shards", "blobs": "containers"}
"""one that every revision has, and the other database has not"""
SMALLEST = 512
"""Bytes. SQLite takes what is shorter for empty."""
READ_WHOLE = 64 << 20
"""Bytes. A file up to this size is checked page by page, which takes no longer than a service's imports."""
_LOG_HEADER = 32
_FRAME_HEADER = 24
"""in SQLite's log, before each page"""


class UnusableDatabaseError(Exception):
    """A database that is left alone; the text, one sentence, says why and what to do."""


def examine(path: Path, name: Name) -> str | None:
    """The revision of the database at `path`; None if none has been made yet.

    Raises UnusableDatabaseError.
    """
    log = _log(path)
    if not path.exists():
        if log.exists():
            raise damaged(path, f"it is gone, and {log.name} is still there")
        return None
    if not path.is_file() or path.stat().st_size < SMALLEST:
        raise damaged(path, f"it has {path.stat().st_size} bytes" if path.is_file() else "it is no file")
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            stated = connection.execute(f"SELECT version_num FROM {VERSIONS}") if VERSIONS in tables else ()  # noqa: S608
            revision = judge(path, name, tables, [number for (number,) in stated])
            _check_pages(connection, path)
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    return revision


def judge(path: object, name: Name, tables: Collection[str], stated: Collection[str]) -> str:
    """The revision of a database that has these `tables` and states these revisions; there is one, and it
    is known here. Raises UnusableDatabaseError."""
    if OWN_TABLE[name] not in tables or len(stated) != 1:
        raise UnusableDatabaseError(
            f"{path} is no {name} database of Batchite: move it away, or give another --data-dir."
        )
    (revision,) = stated
    if revision not in revisions.known(name):
        raise UnusableDatabaseError(
            f"{path} was written by a newer Batchite (its revision is {revision}, the last one known here "
            f"{revisions.head(name)}): use that Batchite, or give another --data-dir."
        )
    return revision


def damaged(path: object, how: str) -> UnusableDatabaseError:
    return UnusableDatabaseError(
        f"{path} is damaged ({how}): put a copy of it in its place, or give another --data-dir."
    )


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    (pages,), (size,) = (
        connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
    )
    logged = set(_logged(_log(path), size))
    there = path.stat().st_size // size  # after the log, which a process that still ends may move in here
    if not logged.issuperset(range(there + 1, pages + 1)):
        raise damaged(path, f"it ends after {there} of {pages} pages")
    if pages * size <= READ_WHOLE:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise damaged(path, " ".join(found.split()))


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _logged(log: Path, page_size: int) -> Iterator[int]:
    """The numbers of the pages that are in the log."""
    with suppress(FileNotFoundError), log.open("rb") as file:
        step = _FRAME_HEADER + page_size
        for offset in range(_LOG_HEADER, os.fstat(file.fileno()).st_size, step):
            yield int.from_bytes(os.pread(file.fileno(), 4, offset))
