"""A node keeps which engine was asked for it; so far there was one."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("nodes", sa.Column("engine", sa.Text))
    op.execute("UPDATE nodes SET engine = 'local' WHERE handle IS NOT NULL OR token_hash IS NOT NULL")
