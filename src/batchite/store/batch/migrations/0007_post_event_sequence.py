"""Events have numbers of one sequence, and their owners take away what they have read.

A shard's row is its lease alone: giving numbers to events made all that is changed wait for its owner.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.execute("CREATE TABLE events_unread AS SELECT shard, sequence, kind, subject FROM events")
    op.drop_table("events")
    op.create_table(
        "events",
        sa.Column("sequence", Number, autoincrement=True, nullable=False),
        sa.Column("shard", Key, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_shard", "events", ["shard", "sequence"], unique=False)
    op.execute(
        "INSERT INTO events (shard, kind, subject)"
        " SELECT shard, kind, subject FROM events_unread ORDER BY shard, sequence"
    )
    op.drop_table("events_unread")
    for column in ("last_event", "applied_event"):
        op.execute(f"ALTER TABLE shards DROP COLUMN {column}")
