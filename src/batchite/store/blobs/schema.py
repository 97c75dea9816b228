"""Tables of the Blob service.

Conventions
- Times are ticks (`batchite.wire.ticks`), `*_no` are surrogate keys that are never reused.
- Content is immutable. A blob is nothing (empty), one whole content (`blobs.content_no`), or an ordered
  list of ranges over contents (`blobs.layout_no`), never both. Whatever shares content refers to the
  same rows; a content is dropped in the transaction that drops the last reference to it.
- An ETag is made from `modified`, so every change of a blob or container needs a later time.
- `properties` and `metadata` are JSON; NULL stands for the defaults and for no metadata.
- Names are compared by code points: SQLite does, PostgreSQL is told to.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

Ticks = sa.BigInteger
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite only numbers INTEGER keys itself
Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

containers = sa.Table(
    "containers",
    metadata,
    sa.Column("container_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("metadata", sa.LargeBinary),
    sa.UniqueConstraint("account", "name"),
    sqlite_autoincrement=True,
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("content_no", Number, primary_key=True, autoincrement=True),
    sa.Column("state", sa.Text, nullable=False, comment="uploading, live or condemned"),
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("data", sa.LargeBinary, comment="the bytes, if they are kept here and not in a file"),
    sa.Index(
        "contents_not_live",
        "state",
        sqlite_where=sa.text("state <> 'live'"),
        postgresql_where=sa.text("state <> 'live'"),
    ),
    sqlite_autoincrement=True,
)

layouts = sa.Table(
    "layouts",
    metadata,
    sa.Column("layout_no", Number, primary_key=True, autoincrement=True),
    sqlite_autoincrement=True,
)

ranges = sa.Table(
    "ranges",
    metadata,
    sa.Column("layout_no", sa.BigInteger, sa.ForeignKey("layouts.layout_no"), primary_key=True),
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("content_no", sa.BigInteger, sa.ForeignKey("contents.content_no"), nullable=False),
    sa.Column("content_start", sa.BigInteger, nullable=False),
    sa.Column("block_id", sa.Text, comment="the block this range was committed as"),
    sa.Index("ranges_by_content", "content_no"),
    sqlite_with_rowid=False,
)

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("blob_no", Number, primary_key=True, autoincrement=True),
    sa.Column("container_no", sa.BigInteger, sa.ForeignKey("containers.container_no"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("type", sa.Text, nullable=False, comment="block"),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("properties", sa.LargeBinary),
    sa.Column("metadata", sa.LargeBinary),
    sa.Column("content_no", sa.BigInteger, sa.ForeignKey("contents.content_no")),
    sa.Column("layout_no", sa.BigInteger, sa.ForeignKey("layouts.layout_no")),
    sa.UniqueConstraint("container_no", "name"),
    sa.Index(
        "blobs_by_content",
        "content_no",
        sqlite_where=sa.text("content_no IS NOT NULL"),
        postgresql_where=sa.text("content_no IS NOT NULL"),
    ),
    sa.Index(
        "blobs_by_layout",
        "layout_no",
        sqlite_where=sa.text("layout_no IS NOT NULL"),
        postgresql_where=sa.text("layout_no IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

blocks = sa.Table(
    "blocks",
    metadata,
    sa.Column("container_no", sa.BigInteger, sa.ForeignKey("containers.container_no"), primary_key=True),
    sa.Column("name", Name, primary_key=True),
    sa.Column("block_id", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("content_no", sa.BigInteger, sa.ForeignKey("contents.content_no"), nullable=False),
    sa.Index("blocks_by_content", "content_no"),
    comment="staged for a blob of that name, not committed yet",
    sqlite_with_rowid=False,
)
