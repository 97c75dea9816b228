"""Users of nodes, by whom people log in."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "logins",
        sa.Column("node_no", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("password", sa.Text, comment="its hash, as /etc/shadow has it"),
        sa.Column("ssh_public_key", sa.Text),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("node_no", "key"),
        comment="users of nodes, by whom people log in",
    )
