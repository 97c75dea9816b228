"""Tables of the Blob service.

Conventions
- Times are ticks (`batchite.wire.ticks`), `*_no` are surrogate keys that are never reused.
- Content is immutable. A blob is nothing (empty), one whole content (`blobs.content_no`), or an ordered
  list of ranges over contents (`blobs.layout_no`), never both. Whatever shares content refers to the
  same rows; a content is dropped in the transaction that drops the last reference to it.
- `blobs` has the base blob of a name, at the moment LATEST, and what is kept beside it, each at the
  moment that names it: snapshots, versions, and bases that were deleted softly. Moments sort as lists
  show them. Nothing but the base is ever changed, except that it is deleted or restored.
- The layout of a block blob never changes, that of an append blob only grows at its end, that of a page
  blob changes while no other blob has it. So a copy shares the layout; whoever reads stops at the size
  of the blob; ranges of a page blob have gaps, which are zeros.
- A range without content is zeros: a gap that was copied into what has no gaps, or pages that were cleared,
  whose `content_start` is the negative of the moment.
- A block of a committed list begins at the range that has its id, and goes on to the next that has one.
- Blocks staged for a blob are ranges, too: a block that was copied may consist of several.
- Ranges may be over content kept in its row; such a content belongs to ranges only, so that it stays
  until nobody reads it.
- What is deleted softly has `deleted`, and `purge`, the time from which on it does not exist.
- An ETag is made from `modified`, so every change of a blob or container needs a later time.
- The tags of a blob are in its `extras`; `tags` has them again for searches, which see base blobs only.
- `properties`, `metadata`, `lease` and `extras` are JSON; NULL stands for the defaults and for none.
- Names are compared by code points.
"""

from __future__ import annotations

import sqlalchemy as sa

from batchite.store.dialects import Key, partial_index

metadata = sa.MetaData()

Ticks = sa.BigInteger
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite only numbers INTEGER keys itself

LATEST = 2**63 - 1
"""The moment of base blobs: after those of everything that is kept beside them."""

services = sa.Table(
    "services",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("versioning", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("blob_retention", sa.Integer, comment="days to keep deleted blobs for; NULL: not at all"),
    sa.Column("container_retention", sa.Integer, comment="the same for containers"),
    sa.Column(
        "permanent_delete",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether what was deleted softly may be deleted for good before its time",
    ),
    sa.Column("properties", sa.LargeBinary, comment="JSON of the other service properties"),
    sqlite_with_rowid=False,
)

containers = sa.Table(
    "containers",
    metadata,
    sa.Column("container_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("name", Key, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("metadata", sa.LargeBinary),
    sa.Column("lease", sa.LargeBinary),
    sa.Column("access", sa.Text, comment="what anybody may read: blob, container or NULL"),
    sa.Column("policies", sa.LargeBinary, comment="JSON of the stored access policies"),
    sa.Column("deleted", Ticks),
    sa.Column("purge", Ticks),
    partial_index(
        "containers_by_name",
        "account",
        "name",
        unique=True,
        where="deleted IS NULL",
    ),
    partial_index(
        "containers_by_purge",
        "purge",
        where="purge IS NOT NULL",
    ),
    sqlite_autoincrement=True,
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("content_no", Number, primary_key=True, autoincrement=True),
    sa.Column("state", sa.Text, nullable=False, comment="uploading, live or condemned"),
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("data", sa.LargeBinary, comment="the bytes, if they are kept here and not in a file"),
    sa.Column("checksum", sa.LargeBinary, comment="CRC64 of the bytes, 8 bytes; unknown while uploading"),
    partial_index(
        "contents_not_live",
        "state",
        where="state <> 'live'",
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
    sa.Column("content_no", sa.BigInteger, sa.ForeignKey("contents.content_no"), comment="NULL: zeros"),
    sa.Column("content_start", sa.BigInteger, nullable=False),
    sa.Column("block_id", sa.Text, comment="the block that begins with this range"),
    sa.Index("ranges_by_content", "content_no"),
    sqlite_with_rowid=False,
)

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("blob_no", Number, primary_key=True, autoincrement=True),
    sa.Column("container_no", sa.BigInteger, sa.ForeignKey("containers.container_no"), nullable=False),
    sa.Column("name", Key, nullable=False),
    sa.Column("moment", sa.BigInteger, nullable=False, server_default=str(LATEST)),
    sa.Column(
        "kind", sa.Text, nullable=False, server_default="base", comment="base, snapshot, version or deleted"
    ),
    sa.Column("version", Ticks, comment="the version's id, if it was written while versions were kept"),
    sa.Column("type", sa.Text, nullable=False, comment="block, append or page"),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("properties", sa.LargeBinary),
    sa.Column("metadata", sa.LargeBinary),
    sa.Column("content_no", sa.BigInteger, sa.ForeignKey("contents.content_no")),
    sa.Column("layout_no", sa.BigInteger, sa.ForeignKey("layouts.layout_no")),
    sa.Column("lease", sa.LargeBinary),
    sa.Column("extras", sa.LargeBinary, comment="what only some blobs have"),
    sa.Column("deleted", Ticks),
    sa.Column("purge", Ticks),
    sa.UniqueConstraint("container_no", "name", "moment"),
    partial_index(
        "blobs_by_content",
        "content_no",
        where="content_no IS NOT NULL",
    ),
    partial_index(
        "blobs_by_layout",
        "layout_no",
        where="layout_no IS NOT NULL",
    ),
    partial_index(
        "blobs_by_purge",
        "purge",
        where="purge IS NOT NULL",
    ),
    sqlite_autoincrement=True,
)

uncommitted = sa.Table(
    "uncommitted",
    metadata,
    sa.Column("uncommitted_no", Number, primary_key=True, autoincrement=True),
    sa.Column("container_no", sa.BigInteger, sa.ForeignKey("containers.container_no"), nullable=False),
    sa.Column("name", Key, nullable=False),
    sa.Column("blocks", sa.Integer, nullable=False, comment="how many there are"),
    sa.Column("id_length", sa.Integer, nullable=False, comment="bytes that the id of each is made of"),
    sa.Column("staged", Ticks, nullable=False, comment="when the last one was"),
    sa.UniqueConstraint("container_no", "name"),
    sa.Index("uncommitted_by_time", "staged"),
    comment="blobs for which blocks are staged, whether they exist or not",
    sqlite_autoincrement=True,
)

blocks = sa.Table(
    "blocks",
    metadata,
    sa.Column("uncommitted_no", sa.BigInteger, sa.ForeignKey("uncommitted.uncommitted_no"), primary_key=True),
    sa.Column("block_id", sa.Text, primary_key=True),
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False, comment="within the block"),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("content_no", sa.BigInteger, sa.ForeignKey("contents.content_no"), comment="NULL: zeros"),
    sa.Column("content_start", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, comment="SHA-256 of the key that the client staged it with, in base64"),
    sa.Index("blocks_by_content", "content_no"),
    comment="ranges of staged blocks",
    sqlite_with_rowid=False,
)

tags = sa.Table(
    "tags",
    metadata,
    sa.Column("blob_no", sa.BigInteger, sa.ForeignKey("blobs.blob_no", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", Key, primary_key=True),
    sa.Column("value", Key, nullable=False),
    sa.Index("tags_by_value", "tag", "value", "blob_no"),
    sqlite_with_rowid=False,
)

copies = sa.Table(
    "copies",
    metadata,
    sa.Column("blob_no", sa.BigInteger, sa.ForeignKey("blobs.blob_no", ondelete="CASCADE"), primary_key=True),
    sa.Column("copy_id", sa.Text, nullable=False),
    sa.Column("source", sa.LargeBinary, nullable=False, comment="JSON of where it is read from"),
    comment="under way from other services",
    sqlite_with_rowid=False,
)
