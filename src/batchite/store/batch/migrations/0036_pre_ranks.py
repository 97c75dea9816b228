"""Tasks that wait are read by rank first."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("rank", sa.Integer, nullable=False, server_default="0"))
    op.drop_index("tasks_waiting", "tasks")
    condition = sa.text("state = 'active'")
    op.create_index(
        "tasks_waiting",
        "tasks",
        ["job_no", "required_slots", "rank", "task_no"],
        unique=False,
        sqlite_where=condition,
        postgresql_where=condition,
    )
