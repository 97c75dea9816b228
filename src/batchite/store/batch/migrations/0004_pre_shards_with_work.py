"""Shards with something to do are found without a look at all others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("pools_by_shard", "pools", ["shard"], unique=False)
    op.create_index(
        "jobs_open",
        "jobs",
        ["shard", "job_no"],
        unique=False,
        sqlite_where=sa.text("state != 'completed'"),
        postgresql_where=sa.text("state != 'completed'"),
    )
