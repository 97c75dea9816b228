"""Job schedules, jobs that they have made, and pools that these share."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_A_SCHEDULE = "schedule_no IS NOT NULL"
SUMS = (
    "succeeded",
    "failed",
    "retries",
    "wall_time",
    "slot_time",
    "wait_time",
    "user_time",
    "kernel_time",
    "blocks_read",
    "blocks_written",
)


def upgrade() -> None:
    op.create_table(
        "job_schedules",
        sa.Column("schedule_no", Number, autoincrement=True, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shard", Key, nullable=False, comment="the account's"),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("rules", sa.LargeBinary, nullable=False),
        sa.Column("do_not_run_until", sa.BigInteger),
        sa.Column("do_not_run_after", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("previous_state", sa.Text),
        sa.Column("previous_state_time", sa.BigInteger),
        sa.Column("state_time", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("next_run", sa.BigInteger, comment="when the next job is to be made, or was: it waits"),
        sa.Column("last_run", sa.BigInteger, comment="for when the last one was made"),
        sa.Column("jobs_made", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("pool_id", Key, comment="of the auto pool that its next job shares with the last one"),
        sa.PrimaryKeyConstraint("schedule_no"),
        sa.UniqueConstraint("account", "key"),
        sqlite_autoincrement=True,
    )
    op.create_index("job_schedules_by_shard", "job_schedules", ["shard", "schedule_no"])
    op.create_table(
        "past_jobs_of_schedules",
        sa.Column("schedule_no", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("schedule_no"),
        comment="the same by the job schedules that had made the jobs",
    )
    op.add_column("jobs", sa.Column("schedule_no", sa.BigInteger))
    op.add_column("pools", sa.Column("schedule_no", sa.BigInteger))
    _index("jobs_of_schedules", "jobs", ["schedule_no", "job_no"], OF_A_SCHEDULE)
    _index("jobs_open_of_schedules", "jobs", ["schedule_no"], f"{OF_A_SCHEDULE} AND state != 'completed'")
    _index("pools_of_schedules", "pools", ["schedule_no"], OF_A_SCHEDULE)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
