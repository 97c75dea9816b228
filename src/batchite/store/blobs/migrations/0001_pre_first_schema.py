"""The first schema.

Revises nothing. Only ever changed by a later revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "containers",
        sa.Column("container_no", Number, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("container_no"),
        sa.UniqueConstraint("account", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "contents",
        sa.Column("content_no", Number, autoincrement=True, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="uploading, live or condemned"),
        sa.Column("size", sa.BigInteger, server_default="0", nullable=False),
        sa.Column(
            "data",
            sa.LargeBinary,
            nullable=True,
            comment="the bytes, if they are kept here and not in a file",
        ),
        sa.PrimaryKeyConstraint("content_no"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "contents_not_live",
        "contents",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state <> 'live'"),
        postgresql_where=sa.text("state <> 'live'"),
    )
    op.create_table(
        "layouts",
        sa.Column("layout_no", Number, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("layout_no"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "blobs",
        sa.Column("blob_no", Number, autoincrement=True, nullable=False),
        sa.Column("container_no", sa.BigInteger, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("type", sa.Text, nullable=False, comment="block"),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("properties", sa.LargeBinary, nullable=True),
        sa.Column("metadata", sa.LargeBinary, nullable=True),
        sa.Column("content_no", sa.BigInteger, nullable=True),
        sa.Column("layout_no", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("container_no", "name"),
        sa.ForeignKeyConstraint(["container_no"], ["containers.container_no"]),
        sa.ForeignKeyConstraint(["content_no"], ["contents.content_no"]),
        sa.ForeignKeyConstraint(["layout_no"], ["layouts.layout_no"]),
        sa.PrimaryKeyConstraint("blob_no"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "blobs_by_content",
        "blobs",
        ["content_no"],
        unique=False,
        sqlite_where=sa.text("content_no IS NOT NULL"),
        postgresql_where=sa.text("content_no IS NOT NULL"),
    )
    op.create_index(
        "blobs_by_layout",
        "blobs",
        ["layout_no"],
        unique=False,
        sqlite_where=sa.text("layout_no IS NOT NULL"),
        postgresql_where=sa.text("layout_no IS NOT NULL"),
    )
    op.create_table(
        "blocks",
        sa.Column("container_no", sa.BigInteger, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("block_id", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("content_no", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["container_no"], ["containers.container_no"]),
        sa.ForeignKeyConstraint(["content_no"], ["contents.content_no"]),
        sa.PrimaryKeyConstraint("container_no", "name", "block_id"),
        comment="staged for a blob of that name, not committed yet",
        sqlite_with_rowid=False,
    )
    op.create_index("blocks_by_content", "blocks", ["content_no"], unique=False)
    op.create_table(
        "ranges",
        sa.Column("layout_no", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("content_no", sa.BigInteger, nullable=False),
        sa.Column("content_start", sa.BigInteger, nullable=False),
        sa.Column("block_id", sa.Text, nullable=True, comment="the block this range was committed as"),
        sa.ForeignKeyConstraint(["layout_no"], ["layouts.layout_no"]),
        sa.ForeignKeyConstraint(["content_no"], ["contents.content_no"]),
        sa.PrimaryKeyConstraint("layout_no", "start"),
        sqlite_with_rowid=False,
    )
    op.create_index("ranges_by_content", "ranges", ["content_no"], unique=False)
