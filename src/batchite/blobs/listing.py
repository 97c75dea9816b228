"""List Containers and List Blobs."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from batchite.blobs.answers import XML, Answer
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import existing
from batchite.store.blobs import blobs as blob_rows
from batchite.store.blobs import containers as container_rows
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.containers import Container
from batchite.wire.blob import listings
from batchite.wire.blob.errors import invalid_parameter
from batchite.wire.blob.listings import Asked, BlobEntry, ContainerEntry, PrefixEntry

Entry = BlobEntry | PrefixEntry

CONTAINER_INCLUDES = frozenset({"metadata", "deleted", "system"})
BLOB_INCLUDES = frozenset(
    {
        "metadata", "snapshots", "copy", "deleted", "tags", "versions", "deletedwithversions",
        "immutabilitypolicy", "legalhold", "permissions",
    }
)  # fmt: skip
"""Accepted in `include`. Of all but metadata there is nothing to include: no snapshot, copy, deleted
blob, tag, version, policy or hold can exist."""

_FIRST_LOOK = 64
"""Rows read at once where a delimiter may make most of them one prefix."""


async def containers(service: Service, call: Call) -> Answer:
    asked, first, end = _asked(call)
    with_metadata = "metadata" in _includes(call.query, CONTAINER_INCLUDES)
    limit = asked.max_results or listings.MAX_RESULTS

    def query(connection: sa.Connection) -> bytes:
        rows = container_rows.page(connection, call.address.account, first, end, limit + 1)
        more = listings.marker(rows[limit].name) if len(rows) > limit else ""
        entries = (_container_entry(row, with_metadata=with_metadata) for row in rows[:limit])
        return listings.containers(asked, entries, more)

    return Answer(200, XML, await service.database.read(query))


async def blobs(service: Service, call: Call) -> Answer:
    asked, first, end = _asked(call)
    with_metadata = "metadata" in _includes(call.query, BLOB_INCLUDES)

    def query(connection: sa.Connection) -> bytes:
        walk = Walk(connection, existing(connection, call).number, asked, end, with_metadata=with_metadata)
        entries, more = walk.page(first)
        return listings.blobs(asked, call.address.container, entries, more)

    return Answer(200, XML, await service.database.read(query))


def _asked(call: Call) -> tuple[Asked, str, str | None]:
    """What is shown again, the first name that may come and the first that may not."""
    query = call.query
    asked = Asked(
        f"{call.account_url}/",
        query.get("prefix"),
        query.get("marker"),
        listings.max_results(query.get("maxresults")),
        query.get("delimiter"),
    )
    prefix = asked.prefix or ""
    if "\0" in prefix or "\0" in (asked.delimiter or ""):
        raise invalid_parameter("prefix", prefix, "names have no NUL character")
    end = listings.past(prefix) if prefix else None
    return asked, max(listings.read_marker(asked.marker), prefix), end


def _includes(query: Mapping[str, str], known: frozenset[str]) -> set[str]:
    """Raises BlobError for what is not in the protocol, or cannot be included."""
    given = {part.strip().lower() for part in query.get("include", "").split(",") if part.strip()}
    for part in given - known:
        code = "UnsupportedQueryParameter" if part == "uncommittedblobs" else "InvalidQueryParameterValue"
        raise invalid_parameter("include", part, f"of {', '.join(sorted(known))}", code=code)
    return given


def _container_entry(row: Container, *, with_metadata: bool) -> ContainerEntry:
    metadata = container_rows.decode_metadata(row.metadata) if with_metadata else None
    return ContainerEntry(row.name, row.modified, metadata)


class Walk:
    """Goes through the names of a container in order; of those with a common prefix up to the
    delimiter it takes the prefix and jumps over the rest."""

    def __init__(
        self,
        connection: sa.Connection,
        container_no: int,
        asked: Asked,
        end: str | None,
        *,
        with_metadata: bool,
    ) -> None:
        self._connection = connection
        self._container_no = container_no
        self._prefix = asked.prefix or ""
        self._delimiter = asked.delimiter or ""
        self._limit = asked.max_results or listings.MAX_RESULTS
        self._end = end
        self._with_metadata = with_metadata

    def page(self, first: str) -> tuple[list[Entry], str]:
        """The entries from this name on, and the marker of the next page ("" if there is none)."""
        entries: list[Entry] = []
        at: str | None = first
        look = min(self._limit + 1, _FIRST_LOOK) if self._delimiter else self._limit + 1
        while at is not None:
            rows = blob_rows.page(self._connection, self._container_no, at, self._end, look)
            at = self._take(rows, entries, complete=len(rows) < look)
            look = min(2 * look, listings.MAX_RESULTS + 1)
        if len(entries) <= self._limit:
            return entries, ""
        return entries[: self._limit], listings.marker(entries[self._limit].name)

    def _take(self, rows: list[Blob], entries: list[Entry], *, complete: bool) -> str | None:
        """Add entries until there is one more than the limit; where to look on, None for nowhere."""
        jump = ""
        for row in rows:
            if row.name < jump:
                continue
            prefix = self._common_prefix(row.name)
            entries.append(self._entry(row) if prefix is None else PrefixEntry(prefix))
            beyond = "" if prefix is None else listings.past(prefix)
            if beyond is None or len(entries) > self._limit:
                return None
            jump = beyond or jump
        return None if complete else max(jump, listings.following(rows[-1].name))

    def _common_prefix(self, name: str) -> str | None:
        if not self._delimiter:
            return None
        found = name.find(self._delimiter, len(self._prefix))
        return None if found < 0 else name[: found + len(self._delimiter)]

    def _entry(self, row: Blob) -> BlobEntry:
        metadata = row.metadata if self._with_metadata else None
        return BlobEntry(row.name, row.created, row.modified, row.size, row.properties, metadata)
