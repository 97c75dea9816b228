"""Job schedules that end without waiting for nodes."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("job_schedules", sa.Column("forced", sa.Boolean, nullable=False, server_default=sa.false()))
