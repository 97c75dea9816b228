"""Whether nodes are to take tasks, and how often their boot failed. What a boot came to is said by its stages
alone from now on, which nodes that are older than these do not have."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("nodes", sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("nodes", sa.Column("boot_failures", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE nodes SET boot_heard = booted WHERE boot_heard IS NULL AND booted IS NOT NULL")
    op.execute(
        "UPDATE nodes SET boot_ready = state_time WHERE boot_ready IS NULL AND state IN ('idle', 'running')"
    )
