"""What may not be gone on with is refused in one sentence, and is left as it was."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from batchite.store import migrating, revisions
from batchite.store.examining import UnusableDatabaseError, examine

PAGE = 4096


def make(path: Path, rows: int = 0) -> None:
    migrating.prepare(path, "blobs")
    with closing(sqlite3.connect(path)) as connection:
        fill(connection, rows)


def fill(connection: sqlite3.Connection, rows: int) -> None:
    """A page each, or more."""
    values = [(f"{number}-{'x' * PAGE}",) for number in range(rows)]
    with connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executemany("INSERT INTO services (account) VALUES (?)", values)


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def refusal(path: Path) -> str:
    before = files(path.parent)
    with pytest.raises(UnusableDatabaseError) as refused:
        examine(path, "blobs")
    assert files(path.parent) == before
    said = str(refused.value)
    assert said.startswith(str(path))
    assert said.endswith("or give another --data-dir.")
    assert "\n" not in said
    return said


def test_what_is_in_order_has_its_revision(tmp_path: Path) -> None:
    path = tmp_path / "a ?#%" / "blobs.db"
    path.parent.mkdir()
    assert examine(path, "blobs") is None
    make(path, rows=10)
    before = files(path.parent)
    assert examine(path, "blobs") == revisions.head("blobs")
    assert files(path.parent) == before


@pytest.mark.parametrize("size", [0, 1, 100, PAGE, 10 * PAGE - 1])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "blobs.db"
    make(path, rows=10)
    os.truncate(path, size)
    assert "is damaged" in refusal(path)


def test_pages_may_be_in_the_log_instead(tmp_path: Path) -> None:
    """As a killed process leaves them; without the log they are missing."""
    living, left = tmp_path / "blobs.db", tmp_path / "left" / "blobs.db"
    make(living)
    left.parent.mkdir()
    with closing(sqlite3.connect(living)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        fill(connection, 100)
        for suffix in ("", "-wal"):
            shutil.copy(f"{living}{suffix}", f"{left}{suffix}")
    assert examine(left, "blobs") == revisions.head("blobs")
    os.truncate(left, left.stat().st_size - PAGE)
    with pytest.raises(UnusableDatabaseError, match="it ends after"):
        examine(left, "blobs")


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    path = tmp_path / "blobs.db"
    make(path, rows=10)
    content = bytearray(path.read_bytes())
    content[-3 * PAGE : -2 * PAGE] = b"x" * PAGE
    path.write_bytes(content)
    assert "is damaged" in refusal(path)


def test_a_log_without_its_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blobs.db-wal").write_bytes(b"changes of a database that is gone")
    assert "it is gone" in refusal(tmp_path / "blobs.db")


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE alembic_version (version_num); CREATE TABLE pictures (name)")


def newer(path: Path) -> None:
    make(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (lambda path: path.write_bytes(b"a picture of a cat" * 1000), "file is not a database"),
        (lambda path: path.mkdir(), "it is no file"),
        (of_another_program, "is no blobs database of Batchite"),
        (lambda path: migrating.prepare(path, "batch"), "is no blobs database of Batchite"),
        (newer, "was written by a newer Batchite (its revision is 9999"),
    ],
)
def test_what_is_foreign_is_refused(tmp_path: Path, put: Callable[[Path], object], why: str) -> None:
    path = tmp_path / "blobs.db"
    put(path)
    assert why in refusal(path)
