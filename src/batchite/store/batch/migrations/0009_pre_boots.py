"""When a node's last boot came to its stages. Of boots that have begun before this nothing is known."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for column in ("boot_requested", "boot_begun", "boot_heard", "boot_ready"):
        op.add_column("nodes", sa.Column(column, sa.BigInteger))
    op.execute("UPDATE nodes SET boot_requested = state_time WHERE state = 'creating'")
