"""What becomes of the tasks that a job has on nodes when it is disabled or ended."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("tasks_option", sa.Text))
