"""What the two databases are told differently."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.mock import MockConnection

from batchite.store.dialects import partial_index


def test_a_partial_index_is_partial_everywhere() -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        made: list[str] = []
        metadata = sa.MetaData()
        sa.Table("t", metadata, sa.Column("a", sa.Integer), partial_index("by_a", "a", where="a IS NOT NULL"))
        connection = MockConnection(
            dialect,
            lambda statement, *_, dialect=dialect, made=made: made.append(
                str(statement.compile(dialect=dialect))
            ),
        )
        metadata.create_all(connection, checkfirst=False)
        assert made[-1] == "CREATE INDEX by_a ON t (a) WHERE a IS NOT NULL"
