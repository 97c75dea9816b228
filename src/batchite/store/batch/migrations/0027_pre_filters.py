"""Filters of a job's tasks are answered by indexes. Making them takes a while where there are many tasks."""

import logging

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

MANY = 100_000
"""Tasks; so many take about a second."""
FAILED, SUCCEEDED = "result = 'failure'", "result = 'success'"
INDEXES = (
    ("tasks_by_creation", ["job_no", "state", "created"], None),
    ("tasks_by_moment", ["job_no", "state", "result", "state_time"], None),
    ("tasks_by_start", ["job_no", "started"], "started IS NOT NULL"),
    ("tasks_modified", ["job_no", "modified"], "modified <> created"),
    ("tasks_succeeded", ["job_no", "task_no"], SUCCEEDED),
    ("tasks_failed", ["job_no", "task_no"], FAILED),
    ("tasks_failed_by_code", ["job_no", "exit_code", "task_no"], FAILED),
    ("tasks_failed_by_code_and_time", ["job_no", "exit_code", "state_time"], FAILED),
)

log = logging.getLogger(__name__)


def upgrade() -> None:
    count = op.get_bind().execute(sa.text("SELECT max(task_no) FROM tasks")).scalar() or 0
    if count >= MANY:
        log.warning("indexes of up to %s tasks are being made; a million may take a minute", count)
    op.drop_index("tasks_failed", "tasks")
    for name, columns, where in INDEXES:
        condition = None if where is None else sa.text(where)
        op.create_index(
            name, "tasks", columns, unique=False, sqlite_where=condition, postgresql_where=condition
        )
