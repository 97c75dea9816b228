"""What nodes are and what is in them, as agents say when they boot. Of nodes that run it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    for column in ("tier", "image"):
        op.add_column("nodes", sa.Column(column, sa.Text))
