"""Tasks may depend on others of their job; those that still wait for such are blocked."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("awaits", Key))
    op.add_column("tasks", sa.Column("dependencies", sa.LargeBinary))
    op.add_column("tasks", sa.Column("satisfied", sa.Boolean))
    op.add_column("task_counts", sa.Column("blocked", sa.BigInteger, nullable=False, server_default="0"))
    is_blocked = sa.text("awaits IS NOT NULL")
    op.create_index(
        "tasks_blocked",
        "tasks",
        ["job_no", "awaits", "task_no"],
        sqlite_where=is_blocked,
        postgresql_where=is_blocked,
    )
    op.create_table(
        "satisfied_numbers",
        sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        comment="ids that are numbers and satisfied, as stretches that do not touch",
    )
    op.create_table(
        "satisfied_ids",
        sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", Key, primary_key=True),
        comment="of tasks that were satisfied and are gone, until others take their ids",
    )
    op.create_table(
        "awaited_ranges",
        sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("missing", sa.BigInteger, nullable=False, comment="the highest that is not satisfied"),
        comment="ranges that tasks wait for, one row for all that wait for the same",
    )
    op.create_index("awaited_ranges_by_missing", "awaited_ranges", ["job_no", "missing"])
    op.create_table(
        "releases",
        sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("came", Key, primary_key=True),
        comment="what is satisfied of which not all who waited for it have been looked at; an event goes on",
    )
