"""Of the ids of staged blocks the length of what they encode counts, not that of the base64."""

from base64 import b64decode

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

UNCOMMITTED = sa.table(
    "uncommitted", sa.column("uncommitted_no", sa.BigInteger), sa.column("id_length", sa.Integer)
)
BLOCKS = sa.table("blocks", sa.column("uncommitted_no", sa.BigInteger), sa.column("block_id", sa.Text))


def upgrade() -> None:
    connection = op.get_bind()
    number = UNCOMMITTED.c.uncommitted_no
    one = sa.select(BLOCKS.c.uncommitted_no, sa.func.min(BLOCKS.c.block_id)).group_by(BLOCKS.c.uncommitted_no)
    for uncommitted_no, block_id in connection.execute(one).all():
        change = sa.update(UNCOMMITTED).where(number == uncommitted_no)
        connection.execute(change.values(id_length=len(b64decode(block_id))))
    if connection.dialect.name == "postgresql":
        op.alter_column("uncommitted", "id_length", comment="bytes that the id of each is made of")
