"""Who owns a shard has a lease that ends; those of former services have ended."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("shards", sa.Column("expires", sa.BigInteger, nullable=False, server_default="0"))
