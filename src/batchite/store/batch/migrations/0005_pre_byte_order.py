"""What things are found by is sorted by code points, in PostgreSQL as in SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEYS = {
    "shards": ("shard", "account"),
    "events": ("shard",),
    "due": ("kind", "shard"),
    "core_usage": ("account",),
    "pools": ("account", "key", "shard"),
    "nodes": ("id",),
    "jobs": ("account", "key", "shard", "pool_id"),
    "tasks": ("key",),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in KEYS.items():
            for column in columns:
                op.alter_column(table, column, type_=sa.Text(collation="C"))
