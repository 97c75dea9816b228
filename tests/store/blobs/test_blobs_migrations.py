"""What becomes of the data of earlier schemas."""

from pathlib import Path

import sqlalchemy as sa

from batchite.store import migrating
from batchite.store.database import create_engine


def at_revision(url: str, last: str, *statements: str) -> None:
    """A database as of an earlier revision, with what the statements put into it."""
    engine = create_engine(url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "blobs", last)
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(query))]
    engine.dispose()
    return found


def test_names_with_backslashes_get_slashes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/blobs.db"
    blob = (
        "INSERT INTO blobs (container_no, name, moment, type, created, modified, size) "
        "VALUES (1, '{}', {}, 'block', 1, 1, 0)"
    )
    at_revision(
        url,
        "0001",
        "INSERT INTO containers (container_no, account, name, created, modified) VALUES (1, 'a', 'c', 1, 1)",
        blob.format(r"a\b\c", 7),
        blob.format(r"a\b\c", 9),
        blob.format(r"in\the way", 9),
        blob.format("in/the way", 9),
        blob.format("100%_plain", 9),
        "INSERT INTO uncommitted (container_no, name, blocks, id_length, staged) "
        r"VALUES (1, 'a\b\c', 1, 4, 1)",
    )
    migrating.upgrade(url, "blobs")
    assert rows(url, "SELECT name, moment FROM blobs ORDER BY blob_no") == [
        ("a/b/c", 7),
        ("a/b/c", 9),
        ("in/the way-2", 9),
        ("in/the way", 9),
        ("100%_plain", 9),
    ]
    assert rows(url, "SELECT name FROM uncommitted") == [("a/b/c",)]


def test_the_ids_of_staged_blocks_are_measured_in_bytes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/blobs.db"
    at_revision(
        url,
        "0002",
        "INSERT INTO containers (container_no, account, name, created, modified) VALUES (1, 'a', 'c', 1, 1)",
        "INSERT INTO contents (content_no, state) VALUES (1, 'live')",
        "INSERT INTO uncommitted (container_no, name, blocks, id_length, staged) VALUES (1, 'one', 2, 4, 1)",
        "INSERT INTO uncommitted (container_no, name, blocks, id_length, staged) VALUES (1, 'six', 1, 8, 1)",
        "INSERT INTO blocks (uncommitted_no, block_id, start, length, content_no, content_start) "
        "VALUES (1, 'YQ==', 0, 1, 1, 0), (1, 'Yg==', 0, 1, 1, 0), (2, 'YWJjZGVm', 0, 1, 1, 0)",
    )
    migrating.upgrade(url, "blobs")
    assert rows(url, "SELECT name, id_length FROM uncommitted") == [("one", 1), ("six", 6)]
