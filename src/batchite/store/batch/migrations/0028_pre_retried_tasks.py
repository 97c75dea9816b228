"""Tasks that were retried are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    condition = sa.text("retry_count > 0")
    op.create_index(
        "tasks_retried",
        "tasks",
        ["job_no", "task_no"],
        unique=False,
        sqlite_where=condition,
        postgresql_where=condition,
    )
