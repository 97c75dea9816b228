"""Applications with their packages."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "applications",
        sa.Column("application_no", Number, primary_key=True, autoincrement=True),
        sa.Column("account", Key, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text),
        sa.Column("allow_updates", sa.Boolean, nullable=False),
        sa.Column("default_key", Key, comment="of the version that is meant where none is named"),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("account", "key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "packages",
        sa.Column("application_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", Key, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column(
            "digest", Key, nullable=False, comment="SHA-256 of its content, which is a file of this name"
        ),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("unpacked", sa.BigInteger, nullable=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Index("packages_by_digest", "digest"),
    )
