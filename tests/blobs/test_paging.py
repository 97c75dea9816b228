from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from batchite.blobs.listing import Walk
from batchite.store.blobs import schema
from batchite.wire.blob import listings
from batchite.wire.blob.listings import Asked

texts = st.text("ab/-\uffff\U0010ffff", max_size=5)


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def fill(connection: sa.Connection, names: set[str]) -> None:
    connection.execute(sa.delete(schema.blobs))
    connection.execute(sa.delete(schema.containers))
    container = {"container_no": 1, "account": "a", "name": "c", "created": 0, "modified": 0}
    connection.execute(sa.insert(schema.containers), container)
    common = {"container_no": 1, "type": "block", "created": 0, "modified": 0, "size": 0}
    if names:
        connection.execute(sa.insert(schema.blobs), [{**common, "name": name} for name in names])


def expected(names: set[str], prefix: str, delimiter: str) -> list[str]:
    shown = set()
    for name in names:
        if name.startswith(prefix):
            at = name.find(delimiter, len(prefix)) if delimiter else -1
            shown.add(name if at < 0 else name[: at + len(delimiter)])
    return sorted(shown)


@given(
    st.sets(texts.filter(bool), max_size=40),
    texts,
    st.sampled_from(["", "/", "a", "--", "\U0010ffff"]),
    st.integers(1, 7),
)
def test_the_pages_together_are_the_list(
    connection: sa.Connection, names: set[str], prefix: str, delimiter: str, size: int
) -> None:
    fill(connection, names)
    end = listings.past(prefix) if prefix else None
    walk = Walk(connection, 1, Asked("", prefix, None, size, delimiter), end, with_metadata=False)
    found: list[str] = []
    marker = None
    while marker != "":
        entries, marker = walk.page(max(listings.read_marker(marker), prefix))
        assert len(entries) == size or marker == ""
        found += [entry.name for entry in entries]
    assert found == expected(names, prefix, delimiter)
