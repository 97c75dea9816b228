"""Events of earlier schemas, which nobody had read."""

import sqlalchemy as sa

from batchite.store import migrating
from batchite.store.batch import events, work
from batchite.store.database import create_engine


def test_what_nobody_has_read_is_taken_over_in_its_order(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "batch", "0005")
        for number in (11, 12):
            row = {"shard": "a/p", "sequence": number, "kind": "job", "subject": number}
            connection.execute(sa.insert(sa.table("events", *map(sa.column, row))), row)
        row = {"shard": "a/p", "account": "a", "last_event": 12, "applied_event": 10, "epoch": 3}
        connection.execute(sa.insert(sa.table("shards", *map(sa.column, row))), row)
    migrating.upgrade(empty_url, "batch")
    with engine.connect() as connection:
        assert work.behind(connection, "owner", 1) == ["a/p"]
        assert [event.subject for event in events.of_shard(connection, "a/p", 9)] == [11, 12]
    engine.dispose()
