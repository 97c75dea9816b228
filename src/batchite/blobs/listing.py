"""List Containers and List Blobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa

from batchite.blobs import given, particulars
from batchite.blobs.answers import XML, Answer
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import existing
from batchite.store.blobs import containers as container_rows
from batchite.store.blobs import listed
from batchite.store.blobs.blobs import LATEST, Blob
from batchite.store.blobs.containers import Container
from batchite.wire.blob import dates, leases, listings
from batchite.wire.blob.errors import invalid_parameter, unsupported_header
from batchite.wire.blob.headers import TYPES
from batchite.wire.blob.listings import Asked, BlobEntry, ContainerEntry, PrefixEntry
from batchite.wire.ticks import TICKS_PER_DAY

Entry = BlobEntry | PrefixEntry
Position = tuple[str, int]
"""A name, and a moment of it"""

CONTAINER_INCLUDES = frozenset({"metadata", "deleted", "system"})
BLOB_INCLUDES = frozenset(
    {
        "metadata", "snapshots", "copy", "deleted", "tags", "versions", "deletedwithversions",
        "uncommittedblobs", "immutabilitypolicy", "legalhold", "permissions",
    }
)  # fmt: skip
"""Accepted in `include`. Of policies, holds and permissions there is nothing to include."""

_ARROW = "application/vnd.apache.arrow.stream"
_FIRST_LOOK = 64
"""Rows read at once where a delimiter may make most of them one prefix."""


async def containers(service: Service, call: Call) -> Answer:
    asked, end = _asked(call)
    first, moment = _first(asked)
    included = _includes(call.query, CONTAINER_INCLUDES)
    limit = asked.max_results or listings.MAX_RESULTS
    now = service.clock.now().ticks
    deleted_at = now if "deleted" in included else 0

    def query(connection: sa.Connection) -> bytes:
        rows = container_rows.page(
            connection, call.address.account, (first, moment), end, limit + 1, deleted_at=deleted_at
        )
        more = listings.marker(rows[limit].name, rows[limit].deleted or 0) if len(rows) > limit else ""
        entries = (_container_entry(row, now, with_metadata="metadata" in included) for row in rows[:limit])
        return listings.containers(asked, entries, more)

    return Answer(200, XML, await service.database.read(query))


async def blobs(service: Service, call: Call) -> Answer:
    if _ARROW in call.headers.get("accept", ""):
        raise unsupported_header("Accept", _ARROW, "lists come as application/xml")
    asked, end = _asked(call)
    first = max(_first(asked), (_name(call.query, "startfrom"), 0))
    if before := _name(call.query, "endbefore"):
        end = before if end is None else min(end, before)
    included = _includes(call.query, BLOB_INCLUDES)
    if "tags" in included:
        given.check_may_tag(call)
    now = service.clock.now().ticks

    def query(connection: sa.Connection) -> bytes:
        walk = Walk(
            connection, existing(connection, call), asked, end, included, now, service.copying.with_progress
        )
        entries, more = walk.page(first)
        return listings.blobs(asked, call.address.container, entries, more)

    return Answer(200, XML, await service.database.read(query))


def _first(asked: Asked) -> Position:
    """The first name that may come, and the first moment of it."""
    return max(listings.read_moment_marker(asked.marker), (asked.prefix or "", 0))


def _name(query: Mapping[str, str], parameter: str) -> str:
    """A name to begin or to end at, "" if none is given. Raises BlobError."""
    name = query.get(parameter, "")
    if "\0" in name:
        raise invalid_parameter(parameter, name, "names have no NUL character")
    return name


def _asked(call: Call) -> tuple[Asked, str | None]:
    """What is shown again, and the first name that may not come."""
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
    return asked, end


def _includes(query: Mapping[str, str], known: frozenset[str]) -> set[str]:
    """Raises BlobError for what is not in the protocol, or cannot be included."""
    given = {part.strip().lower() for part in query.get("include", "").split(",") if part.strip()}
    for part in given - known:
        raise invalid_parameter("include", part, f"of {', '.join(sorted(known))}")
    return given


def _container_entry(row: Container, now: int, *, with_metadata: bool) -> ContainerEntry:
    metadata = container_rows.decode_metadata(row.metadata) if with_metadata else None
    lease = leases.elements(row.lease, now)
    left = _days_left(row.purge, now)
    return ContainerEntry(row.name, row.modified, metadata, lease, row.access, row.deleted, left)


def _days_left(purge: int | None, now: int) -> int:
    """Rounded up: the last day counts until it is over."""
    return 0 if purge is None else -(min(now - purge, 0) // TICKS_PER_DAY)


class Walk:
    """Goes through the names of a container in order; of those with a common prefix up to the
    delimiter it takes the prefix and jumps over the rest."""

    def __init__(
        self,
        connection: sa.Connection,
        container: Container,
        asked: Asked,
        end: str | None,
        included: Collection[str],
        now: int,
        as_it_is_now: Callable[[Blob], Blob],
    ) -> None:
        self._connection = connection
        self._container = container
        self._prefix = asked.prefix or ""
        self._delimiter = asked.delimiter or ""
        self._limit = asked.max_results or listings.MAX_RESULTS
        self._end = end
        self._included = included
        self._beside = listed.Included.of(included)
        self._now = now
        self._as_it_is_now = as_it_is_now

    def page(self, first: Position) -> tuple[list[Entry], str]:
        """The entries from this position on, and the marker of the next page ("" if there is none)."""
        entries: list[Entry] = []
        next_at: Position | None = None
        at: Position | None = first
        look = min(self._limit + 1, _FIRST_LOOK) if self._delimiter else self._limit + 1
        while at is not None and next_at is None:
            rows = self._look(at, look)
            at, next_at = self._take(rows, entries, complete=len(rows) < look)
            look = min(2 * look, listings.MAX_RESULTS + 1)
        return entries, listings.marker(*next_at) if next_at else ""

    def _look(self, at: Position, limit: int) -> list[Blob]:
        number, end = self._container.number, self._end
        rows = listed.page(self._connection, number, at, end, limit, self._beside, self._now)
        if "uncommittedblobs" in self._included:
            staged = listed.uncommitted(self._connection, number, at[0], end, limit, self._container.modified)
            rows = sorted([*rows, *staged], key=lambda row: (row.name, row.moment))[:limit]
        return rows

    def _take(
        self, rows: list[Blob], entries: list[Entry], *, complete: bool
    ) -> tuple[Position | None, Position | None]:
        """Add entries up to the limit; where to look on (None for nowhere), and where the next page
        begins if this one is full."""
        jump = ""
        for row in rows:
            if row.name < jump:
                continue
            prefix = self._common_prefix(row.name)
            if len(entries) == self._limit:
                return None, ((row.name, row.moment) if prefix is None else (prefix, 0))
            entries.append(self._entry(row) if prefix is None else PrefixEntry(prefix))
            beyond = "" if prefix is None else listings.past(prefix)
            if beyond is None:
                return None, None
            jump = beyond or jump
        return (None if complete else max((jump, 0), _after(rows[-1]))), None

    def _common_prefix(self, name: str) -> str | None:
        if not self._delimiter:
            return None
        found = name.find(self._delimiter, len(self._prefix))
        return None if found < 0 else name[: found + len(self._delimiter)]

    def _entry(self, row: Blob) -> BlobEntry:
        return BlobEntry(
            row.name,
            row.created,
            row.modified,
            row.size,
            row.properties,
            row.metadata if "metadata" in self._included else None,
            TYPES[row.type],
            () if row.kind == "base" and row.version is None else self._tell_apart(row),
            self._special(row),
            row.extras.tags if "tags" in self._included else None,
        )

    def _tell_apart(self, row: Blob) -> listings.Elements:
        elements: list[tuple[str, str]] = []
        if row.deleted is not None:
            elements.append(("Deleted", "true"))
        if row.snapshot is not None:
            elements.append(("Snapshot", dates.moment(row.snapshot)))
        elif row.version_id is not None:
            elements.append(("VersionId", dates.moment(row.version_id)))
            if row.kind == "base":
                elements.append(("IsCurrentVersion", "true"))
            elif self._beside.without_base and not self._beside.versions:
                elements.append(("HasVersionsOnly", "true"))
        return elements

    def _special(self, row: Blob) -> listings.Elements:
        elements = [*leases.elements(row.lease, self._now)]
        if row.type == "page":
            elements.append(("x-ms-blob-sequence-number", str(row.extras.sequence)))
        elif row.type == "append" and row.extras.sealed:
            elements.append(("Sealed", "true"))
        elements += particulars.elements(self._as_it_is_now(row), self._included, self._now)
        elements += listings.deletion(row.deleted, _days_left(row.purge, self._now))
        return elements


def _after(row: Blob) -> Position:
    if row.moment == LATEST:
        return listings.following(row.name), 0
    return row.name, row.moment + 1
