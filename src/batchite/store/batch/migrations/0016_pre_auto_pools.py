"""Pools that are made for jobs, and jobs that are over because they could not have theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("pools", sa.Column("job_no", sa.BigInteger))
    op.add_column("pools", sa.Column("keep_alive", sa.Boolean))
    op.add_column("jobs", sa.Column("scheduling_error", sa.LargeBinary))
