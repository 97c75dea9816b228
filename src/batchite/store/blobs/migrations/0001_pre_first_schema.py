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
        "services",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("versioning", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column(
            "blob_retention",
            sa.Integer,
            nullable=True,
            comment="days to keep deleted blobs for; NULL: not at all",
        ),
        sa.Column("container_retention", sa.Integer, nullable=True, comment="the same for containers"),
        sa.Column(
            "permanent_delete",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="whether what was deleted softly may be deleted for good before its time",
        ),
        sa.Column(
            "properties", sa.LargeBinary, nullable=True, comment="JSON of the other service properties"
        ),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "containers",
        sa.Column("container_no", Number, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=True),
        sa.Column("lease", sa.LargeBinary, nullable=True),
        sa.Column("access", sa.Text, nullable=True, comment="what anybody may read: blob, container or NULL"),
        sa.Column("policies", sa.LargeBinary, nullable=True, comment="JSON of the stored access policies"),
        sa.Column("deleted", sa.BigInteger, nullable=True),
        sa.Column("purge", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("container_no"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "containers_by_name",
        "containers",
        ["account", "name"],
        unique=True,
        sqlite_where=sa.text("deleted IS NULL"),
        postgresql_where=sa.text("deleted IS NULL"),
    )
    op.create_index(
        "containers_by_purge",
        "containers",
        ["purge"],
        unique=False,
        sqlite_where=sa.text("purge IS NOT NULL"),
        postgresql_where=sa.text("purge IS NOT NULL"),
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
        sa.Column(
            "checksum",
            sa.LargeBinary,
            nullable=True,
            comment="CRC64 of the bytes, 8 bytes; unknown while uploading",
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
        sa.Column("moment", sa.BigInteger, server_default=str(2**63 - 1), nullable=False),
        sa.Column(
            "kind",
            sa.Text,
            server_default="base",
            nullable=False,
            comment="base, snapshot, version or deleted",
        ),
        sa.Column(
            "version",
            sa.BigInteger,
            nullable=True,
            comment="the version's id, if it was written while versions were kept",
        ),
        sa.Column("type", sa.Text, nullable=False, comment="block, append or page"),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("properties", sa.LargeBinary, nullable=True),
        sa.Column("metadata", sa.LargeBinary, nullable=True),
        sa.Column("content_no", sa.BigInteger, nullable=True),
        sa.Column("layout_no", sa.BigInteger, nullable=True),
        sa.Column("lease", sa.LargeBinary, nullable=True),
        sa.Column("extras", sa.LargeBinary, nullable=True, comment="what only some blobs have"),
        sa.Column("deleted", sa.BigInteger, nullable=True),
        sa.Column("purge", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("container_no", "name", "moment"),
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
    op.create_index(
        "blobs_by_purge",
        "blobs",
        ["purge"],
        unique=False,
        sqlite_where=sa.text("purge IS NOT NULL"),
        postgresql_where=sa.text("purge IS NOT NULL"),
    )
    op.create_table(
        "uncommitted",
        sa.Column("uncommitted_no", Number, autoincrement=True, nullable=False),
        sa.Column("container_no", sa.BigInteger, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("blocks", sa.Integer, nullable=False, comment="how many there are"),
        sa.Column("id_length", sa.Integer, nullable=False, comment="characters in the id of each"),
        sa.Column("staged", sa.BigInteger, nullable=False, comment="when the last one was"),
        sa.UniqueConstraint("container_no", "name"),
        sa.ForeignKeyConstraint(["container_no"], ["containers.container_no"]),
        sa.PrimaryKeyConstraint("uncommitted_no"),
        comment="blobs for which blocks are staged, whether they exist or not",
        sqlite_autoincrement=True,
    )
    op.create_index("uncommitted_by_time", "uncommitted", ["staged"], unique=False)
    op.create_table(
        "blocks",
        sa.Column("uncommitted_no", sa.BigInteger, nullable=False),
        sa.Column("block_id", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, autoincrement=False, nullable=False, comment="within the block"),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("content_no", sa.BigInteger, nullable=True, comment="NULL: zeros"),
        sa.Column("content_start", sa.BigInteger, nullable=False),
        sa.Column(
            "key",
            sa.Text,
            nullable=True,
            comment="SHA-256 of the key that the client staged it with, in base64",
        ),
        sa.ForeignKeyConstraint(["uncommitted_no"], ["uncommitted.uncommitted_no"]),
        sa.ForeignKeyConstraint(["content_no"], ["contents.content_no"]),
        sa.PrimaryKeyConstraint("uncommitted_no", "block_id", "start"),
        comment="ranges of staged blocks",
        sqlite_with_rowid=False,
    )
    op.create_index("blocks_by_content", "blocks", ["content_no"], unique=False)
    op.create_table(
        "ranges",
        sa.Column("layout_no", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("content_no", sa.BigInteger, nullable=True, comment="NULL: zeros"),
        sa.Column("content_start", sa.BigInteger, nullable=False),
        sa.Column("block_id", sa.Text, nullable=True, comment="the block that begins with this range"),
        sa.ForeignKeyConstraint(["layout_no"], ["layouts.layout_no"]),
        sa.ForeignKeyConstraint(["content_no"], ["contents.content_no"]),
        sa.PrimaryKeyConstraint("layout_no", "start"),
        sqlite_with_rowid=False,
    )
    op.create_index("ranges_by_content", "ranges", ["content_no"], unique=False)
    op.create_table(
        "tags",
        sa.Column("blob_no", sa.BigInteger, nullable=False),
        sa.Column("tag", Name, nullable=False),
        sa.Column("value", Name, nullable=False),
        sa.ForeignKeyConstraint(["blob_no"], ["blobs.blob_no"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob_no", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_index("tags_by_value", "tags", ["tag", "value", "blob_no"], unique=False)
    op.create_table(
        "copies",
        sa.Column("blob_no", sa.BigInteger, nullable=False),
        sa.Column("copy_id", sa.Text, nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False, comment="JSON of where it is read from"),
        sa.ForeignKeyConstraint(["blob_no"], ["blobs.blob_no"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob_no"),
        comment="under way from other services",
        sqlite_with_rowid=False,
    )
