"""Page blobs: Put Page, Get Page Ranges, and the size and sequence number of Set Blob Properties."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards, parts, sources
from batchite.blobs.answers import XML, Answer, changed, version_headers
from batchite.blobs.call import Call, Service
from batchite.blobs.content.uploads import too_large
from batchite.blobs.parts import Part, Supply
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import extras, layouts
from batchite.store.blobs.blobs import Blob, Wanted
from batchite.wire.blob import dates, listings, ranges
from batchite.wire.blob import pages as rules
from batchite.wire.blob.errors import BlobError, invalid_header, missing_header
from batchite.wire.blob.pages import Pages, Segment
from batchite.wire.blob.ranges import Span


async def write(service: Service, call: Call) -> Answer:
    """Put Page, and Put Page From URL: write pages, or make zeros of them."""
    action = call.headers.get("x-ms-page-write", "").lower()
    if not action:
        raise missing_header("x-ms-page-write")
    if action not in ("update", "clear"):
        raise invalid_header("x-ms-page-write", action, "update or clear")
    span, sequence = rules.read_pages(call.headers), rules.read_sequence(call.headers)

    def early(connection: sa.Connection) -> Blob:
        return _find(connection, call, span, sequence, service.clock.now().ticks)

    def unit(connection: sa.Connection, supply: Supply) -> tuple[Answer, list[int]]:
        now = service.clock.now().ticks
        blob = _find(connection, call, span, sequence, now)
        return _write(connection, call, blob, span, supply(connection), now)

    if action == "clear":
        _check_alone(call)
        return await parts.store(service, unit, lambda _: _zeros(span, service.clock.now().ticks))
    if span.length > rules.MAX_WRITE_BYTES:
        raise too_large(rules.MAX_WRITE_BYTES)
    return await parts.take(service, call, rules.MAX_WRITE_BYTES, early, unit)


def _zeros(span: Span, now: int) -> Part:
    return Part(span.length, [layouts.cleared(now, span.length)], [])


def _check_alone(call: Call) -> None:
    """Raises BlobError if something is sent where pages are cleared."""
    if sources.is_given(call.headers):
        raise invalid_header(sources.URL, call.headers[sources.URL][:200], "not where pages are cleared")
    length = call.headers.get("content-length", "0")
    if length != "0":
        raise invalid_header("Content-Length", length, "0 where pages are cleared")


def _write(
    connection: sa.Connection, call: Call, blob: Blob, span: Span, part: Part, now: int
) -> tuple[Answer, list[int]]:
    if part.size != span.length:
        raise invalid_header("x-ms-range", f"{span.length} bytes", f"{part.size} bytes are to be written")
    layout_no = layouts.own(connection, blob)
    condemned = layouts.write(connection, layout_no, span.start, span.end, part.pieces)
    rows.update(connection, blob, now, layout_no=layout_no)
    number = (rules.SEQUENCE, str(blob.extras.sequence))
    return changed(201, now, *part.shown, number, *given.encrypted(call)), condemned


def _find(connection: sa.Connection, call: Call, span: Span, sequence: rules.Sequence, now: int) -> Blob:
    """Raises BlobError unless there are these pages, and they may be written."""
    blob = guards.existing(guards.find_slot(connection, call))
    guards.check_type(blob, "page")
    guards.check_change(call, blob, now)
    given.check_key(call, blob)
    sequence.check(blob.extras.sequence)
    if span.end > blob.size:
        raise BlobError("InvalidPageRange", details=(("Reason", f"the blob has {blob.size} bytes"),))
    return blob


def apply_change(
    connection: sa.Connection, blob: Blob, change: rules.Change
) -> tuple[dict[str, object], list[int]]:
    """Columns that Set Blob Properties changes of a page blob, and contents as `contents.release`."""
    if not change.given:
        return {}, []
    guards.check_type(blob, "page")
    columns: dict[str, object] = {}
    condemned: list[int] = []
    if change.size is not None:
        columns["size"] = change.size
        if change.size < blob.size and blob.layout_no is not None:
            columns["layout_no"] = layout_no = layouts.own(connection, blob)
            condemned = layouts.write(connection, layout_no, change.size, blob.size, [])
    sequence = change.next_sequence(blob.extras.sequence)
    columns["extras"] = extras.encode(msgspec.structs.replace(blob.extras, sequence=sequence))
    return columns, condemned


async def page_ranges(service: Service, call: Call) -> Answer:
    """Get Page Ranges: the pages with content, or those that differ from a snapshot's."""
    now = service.clock.now().ticks
    if call.headers.get("x-ms-previous-snapshot-url"):
        url = call.headers["x-ms-previous-snapshot-url"]
        raise invalid_header("x-ms-previous-snapshot-url", url, "of managed disks only; use prevsnapshot")
    return await service.database.read(lambda connection: _page_ranges(connection, call, now))


def _page_ranges(connection: sa.Connection, call: Call, now: int) -> Answer:
    blob = guards.existing(guards.find_slot(connection, call))
    guards.check_type(blob, "page")
    guards.check_look(call, blob, now)
    wanted = ranges.parse(call.headers.get("x-ms-range"), call.headers.get("range"))
    span = wanted.within(blob.size) if wanted else Span(0, blob.size)
    old = _previous(connection, call, blob)
    found = rules.written(_segments(connection, blob, span))
    if old is not None:
        found = rules.changed(_segments(connection, blob, span), _segments(connection, old, span))
    shown, marker = _page(call.query, found)
    size = ("x-ms-blob-content-length", str(blob.size))
    return Answer(200, [*XML, *version_headers(blob.modified), size], rules.encode(shown, marker))


def _previous(connection: sa.Connection, call: Call, blob: Blob) -> Blob | None:
    text = call.query.get("prevsnapshot")
    if not text:
        return None
    moment = dates.read_moment("prevsnapshot", text)
    if blob.snapshot is not None and moment > blob.snapshot:
        raise BlobError("PreviousSnapshotCannotBeNewer")
    names = call.address
    wanted = Wanted(moment, "snapshot")
    slot = rows.find(connection, names.account, names.container, names.blob, wanted)
    if slot is None or slot.blob is None:
        raise BlobError("PreviousSnapshotNotFound")
    guards.check_type(slot.blob, "page")
    if slot.blob.extras.generation != blob.extras.generation:
        raise BlobError("BlobOverwritten")
    return slot.blob


def _segments(connection: sa.Connection, blob: Blob, span: Span) -> list[Segment]:
    """What became of the pages of the span, so far as the blob goes."""
    end = min(span.end, blob.size)
    if blob.layout_no is None or span.start >= end:
        return []
    return [
        Segment(
            max(held.start, span.start),
            min(held.start + held.length, end),
            held.content_no,
            held.content_start - held.start,
            layouts.was_cleared(held),
        )
        for held in layouts.covering(connection, blob.layout_no, span.start, end)
    ]


def _page(query: Mapping[str, str], found: list[Pages]) -> tuple[list[Pages], str]:
    """As many as `maxresults` says, and where to go on."""
    limit = listings.max_results(query.get("maxresults"))
    first = listings.read_offset_marker(query.get("marker"))
    rest = [page for page in found if page.start >= first]
    if limit is None or len(rest) <= limit:
        return rest, ""
    return rest[:limit], listings.marker(str(rest[limit].start))
