"""One index has completed tasks by their results, instead of one for each result."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.drop_index("tasks_succeeded", "tasks")
    op.drop_index("tasks_failed", "tasks")
    condition = sa.text("ended IS NOT NULL")
    op.create_index(
        "tasks_by_result",
        "tasks",
        ["job_no", "result", "task_no"],
        unique=False,
        sqlite_where=condition,
        postgresql_where=condition,
    )
