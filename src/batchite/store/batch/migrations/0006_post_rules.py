"""What scheduling may know of definitions is one value. Of pools and jobs it is made from what their clients
defined; tasks have it where they say how often they are retried."""

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

FORMER = {
    "pools": ("slots_per_node", "node_fill", "job_order"),
    "jobs": ("priority", "max_parallel_tasks", "max_task_retries", "on_all_tasks_complete"),
    "tasks": ("max_retries",),
}


def upgrade() -> None:
    for table in FORMER:
        op.add_column(table, sa.Column("rules", sa.LargeBinary))
    _write_retries(op.get_bind())
    for table, columns in FORMER.items():
        for column in columns:
            op.drop_column(table, column)


def _write_retries(connection: sa.Connection) -> None:
    tasks = sa.table("tasks", sa.column("max_retries"), sa.column("rules", sa.LargeBinary))
    kinds = sa.select(tasks.c.max_retries).where(tasks.c.max_retries != 0).distinct()
    for retries in connection.execute(kinds).scalars().all():
        rules = msgspec.msgpack.encode({"max_retries": retries})
        connection.execute(sa.update(tasks).where(tasks.c.max_retries == retries).values(rules=rules))
