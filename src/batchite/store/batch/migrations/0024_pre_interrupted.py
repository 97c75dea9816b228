"""What a node was to take no more tasks for when it was to leave its pool, which it may not do after all."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("nodes", sa.Column("interrupted", sa.Text))
    op.add_column("nodes", sa.Column("interrupted_option", sa.Text))
