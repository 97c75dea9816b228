"""When jobs and tasks came into their previous states, and the tasks of a node."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("jobs", "tasks"):
        op.add_column(table, sa.Column("previous_state_time", sa.BigInteger))
    op.execute("UPDATE jobs SET previous_state_time = created WHERE previous_state = 'active'")
    op.execute(
        "UPDATE tasks SET previous_state_time = CASE previous_state WHEN 'running' THEN started"
        " ELSE coalesce(last_retry, last_requeue, created) END WHERE previous_state IS NOT NULL"
    )
    op.create_index(
        "tasks_by_node",
        "tasks",
        ["node_no", "state_time"],
        unique=False,
        sqlite_where=sa.text("started IS NOT NULL"),
        postgresql_where=sa.text("started IS NOT NULL"),
    )
