from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from batchite.blobs.listing import Walk
from batchite.store.blobs import schema
from batchite.store.blobs.containers import Container
from batchite.store.blobs.schema import LATEST
from batchite.wire.blob import dates, listings
from batchite.wire.blob.listings import Asked, BlobEntry, PrefixEntry

texts = st.text("ab/-\uffff\U0010ffff", max_size=5)


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


CONTAINER = Container(1, "c", 0, None)
MOMENTS = {5: ("snapshot", None), 6: ("snapshot", 1), 7: ("version", None), 8: ("deleted", 1)}
"""What is kept beside blobs: kind, and when it was deleted."""

positions = st.tuples(texts.filter(bool), st.sampled_from([*MOMENTS, LATEST]))


def fill(connection: sa.Connection, rows: set[tuple[str, int]]) -> None:
    connection.execute(sa.delete(schema.blobs))
    connection.execute(sa.delete(schema.containers))
    container = {"container_no": 1, "account": "a", "name": "c", "created": 0, "modified": 0}
    connection.execute(sa.insert(schema.containers), container)
    common = {"container_no": 1, "type": "block", "created": 0, "modified": 0, "size": 0}
    for name, moment in rows:
        kind, deleted = MOMENTS.get(moment, ("base", None))
        beside = {"moment": moment, "kind": kind, "deleted": deleted, "purge": deleted and 100}
        connection.execute(sa.insert(schema.blobs), {**common, "name": name, **beside})


def is_shown(moment: int, included: set[str]) -> bool:
    kind, deleted = MOMENTS.get(moment, ("base", None))
    return (f"{kind}s" in included or kind in ("base", "deleted")) and (not deleted or "deleted" in included)


def expected(
    rows: set[tuple[str, int]], prefix: str, delimiter: str, included: set[str]
) -> list[tuple[str, int]]:
    shown = set()
    for name, moment in rows:
        if name.startswith(prefix) and is_shown(moment, included):
            at = name.find(delimiter, len(prefix)) if delimiter else -1
            shown.add((name, moment) if at < 0 else (name[: at + len(delimiter)], 0))
    return sorted(shown)


def position(entry: BlobEntry | PrefixEntry) -> tuple[str, int]:
    if isinstance(entry, PrefixEntry):
        return entry.name, 0
    beside = dict(entry.beside)
    named = beside.get("Snapshot") or beside.get("VersionId")
    if named:
        return entry.name, dates.read_moment("snapshot", named)
    return entry.name, 8 if "Deleted" in beside else LATEST


@given(
    st.sets(positions, max_size=40),
    texts,
    st.sampled_from(["", "/", "a", "--", "\U0010ffff"]),
    st.integers(1, 7),
    st.sets(st.sampled_from(["snapshots", "versions", "deleted"])),
)
def test_the_pages_together_are_the_list(
    connection: sa.Connection,
    rows: set[tuple[str, int]],
    prefix: str,
    delimiter: str,
    size: int,
    included: set[str],
) -> None:
    fill(connection, rows)
    end = listings.past(prefix) if prefix else None
    asked = Asked("", prefix, None, size, delimiter)
    walk = Walk(connection, CONTAINER, asked, end, included, 50, lambda blob: blob)
    found: list[tuple[str, int]] = []
    marker = None
    while marker != "":
        entries, marker = walk.page(max(listings.read_moment_marker(marker), (prefix, 0)))
        assert len(entries) == size or marker == ""
        found += map(position, entries)
    assert found == expected(rows, prefix, delimiter, included)
