"""The feed: what each transaction changed of states that clients see."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("shard", Key, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("size", sa.Integer, nullable=False, comment="changes it tells of"),
        sa.Column(
            "entries", sa.LargeBinary, comment="see resources.feed; none in the last row that was removed"
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
