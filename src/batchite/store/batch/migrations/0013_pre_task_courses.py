"""When tasks were given to their nodes, and had their files there. Of earlier runs this is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for column in ("assigned", "staged"):
        op.add_column("tasks", sa.Column(column, sa.BigInteger))
