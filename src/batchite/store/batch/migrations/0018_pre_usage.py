"""What runs used is kept with tasks, and summed up with the counters of their jobs and for accounts.

Of runs that are over only the time that the last one took is known; what has been deleted is not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

OF_RUNS = ("wall_time", "user_time", "kernel_time", "blocks_read", "blocks_written")
OF_JOBS = ("succeeded", "failed", "retries", "slot_time", "wait_time", *OF_RUNS)
Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

KNOWN = ("job_no", "required_slots", "created", "started", "ended", "retry_count", "wall_time")
tasks = sa.table("tasks", sa.column("state", sa.Text), *(sa.column(name, sa.BigInteger) for name in KNOWN))
counts = sa.table(
    "task_counts",
    *(
        sa.column(name, sa.BigInteger)
        for name in ("job_no", "required_slots", "wall_time", "wait_time", "retries")
    ),
)


def upgrade() -> None:
    for name in OF_RUNS:
        op.add_column("tasks", sa.Column(name, sa.BigInteger))
    for name in ("gone_succeeded", "gone_failed", "retries", "wait_time", *OF_RUNS):
        column = sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        op.add_column("task_counts", column)
    is_over = sa.and_(tasks.c.state == "completed", tasks.c.started.is_not(None))
    op.execute(sa.update(tasks).where(is_over).values(wall_time=_between(tasks.c.started, tasks.c.ended)))
    waited = sa.case((is_over, _between(tasks.c.created, tasks.c.started)), else_=0)
    op.execute(
        sa.update(counts).values(
            wall_time=_total(tasks.c.wall_time),
            wait_time=_total(waited),
            retries=_total(tasks.c.retry_count),
        )
    )
    op.create_table(
        "past_jobs",
        sa.Column("account", Key, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in OF_JOBS),
        sa.PrimaryKeyConstraint("account"),
        comment="what tasks of jobs that are gone used, as task_counts has it of those that are there",
    )


def _between(start: sa.ColumnElement[int], end: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.case((end > start, end - start), else_=0)


def _total(amount: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    counted = (tasks.c.job_no == counts.c.job_no, tasks.c.required_slots == counts.c.required_slots)
    return sa.select(sa.func.coalesce(sa.func.sum(amount), 0)).where(*counted).scalar_subquery()
