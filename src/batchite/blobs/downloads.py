"""Get Blob and Get Blob Properties."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards, tiering
from batchite.blobs.answers import (
    Answer,
    Headers,
    metadata_headers,
    property_headers,
    version_headers,
    version_id,
)
from batchite.blobs.call import Call, Service
from batchite.blobs.content.reading import Stream
from batchite.blobs.structured import Encoded
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import layouts
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.blocks import Piece
from batchite.store.blobs.extras import Copied
from batchite.wire.blob import dates, leases, ranges, structured
from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.errors import BlobError, invalid_header
from batchite.wire.blob.headers import SAS_OVERRIDES, TYPES, HttpProperties, check_value, md5_of
from batchite.wire.blob.ranges import Span

MAX_RANGE_BYTES = 4 * 1024 * 1024
"""The longest range whose checksum a client may ask for."""

_RANGE_MD5 = "x-ms-range-get-content-md5"
_RANGE_CRC64 = "x-ms-range-get-content-crc64"


class _Found(msgspec.Struct, frozen=True):
    """A blob with what is to be sent of it: bytes in memory, or pieces of content files."""

    blob: Blob
    part: Span
    span: Span | None
    """the part, if a range was asked for"""
    data: bytes = b""
    pieces: tuple[Piece, ...] = ()


async def head(service: Service, call: Call) -> Answer:
    blob = await _look(service, call)
    properties = _shown_properties(call, blob)
    headers = [
        *_headers(blob, properties, service.clock.now().ticks),
        _length(blob.size),
    ]
    if properties.content_md5:
        headers.append(("Content-MD5", properties.content_md5))
    return Answer(200, headers)


async def _look(service: Service, call: Call) -> Blob:
    blob = await service.database.look(lambda connection: guards.existing(guards.find_slot(connection, call)))
    guards.check_read(call, blob, service.clock.now().ticks)
    return service.copying.with_progress(blob)


async def metadata(service: Service, call: Call) -> Answer:
    """Get Blob Metadata."""
    blob = await _look(service, call)
    return Answer(200, [*version_headers(blob.modified), *metadata_headers(blob.metadata.items())])


async def get(service: Service, call: Call) -> Answer:
    checksums = [name for name in (_RANGE_MD5, _RANGE_CRC64) if _wants(call, name)]
    if len(checksums) > 1:
        raise invalid_header(_RANGE_CRC64, "true", f"one checksum at a time: not together with {_RANGE_MD5}")
    now = service.clock.now().ticks
    found, release = await _find_and_hold(service, call, now)
    try:
        return await _answer(service, call, found, now, checksums, release)
    except BaseException:
        release()
        raise


async def _answer(
    service: Service,
    call: Call,
    found: _Found,
    now: int,
    checksums: Sequence[str],
    release: Callable[[], None],
) -> Answer:
    if found.blob.stored_extras is not None:
        found = msgspec.structs.replace(found, blob=service.copying.with_progress(found.blob))
    headers = _get_headers(call, found, now)
    status = 200 if found.span is None else 206
    stream = service.content.reader.stream(found.pieces) if found.pieces else None
    data = found.data
    if checksums:
        data = found.data if stream is None else await _collect(found, stream, checksums[0])
        headers += [_checksum(name, data) for name in checksums]
        stream = None
    if structured.is_asked(call.headers):
        return _structured(status, headers, found.part.length, data, stream, release)
    return Answer(status, [*headers, _length(found.part.length)], data, stream, release)


def _structured(
    status: int,
    headers: Headers,
    length: int,
    data: bytes,
    stream: Stream | None,
    release: Callable[[], None],
) -> Answer:
    """As a message, for a client that wants to validate it."""
    encoder = structured.Encoder(length)
    shown = [*headers, _length(encoder.length), (structured.LENGTH, str(length))]
    if stream is not None:
        return Answer(status, shown, stream=Encoded(stream, encoder), done=release)
    message = b"".join([encoder.begin(), *encoder.feed(data), encoder.end()])
    return Answer(status, shown, message, done=release)


def _length(length: int) -> tuple[str, str]:
    return "Content-Length", str(length)


async def _collect(found: _Found, stream: Stream, name: str) -> bytes:
    if found.part.length > MAX_RANGE_BYTES:
        raise invalid_header(name, "true", "for ranges of at most 4 MiB")
    return b"".join([chunk async for chunk in stream.chunks()])


def _wants(call: Call, name: str) -> bool:
    text = call.headers.get(name) or "false"
    if text.lower() not in ("true", "false"):
        raise invalid_header(name, text, "true or false")
    if text.lower() == "false":
        return False
    if ranges.parse(call.headers.get("x-ms-range"), call.headers.get("range")) is None:
        raise invalid_header(name, "true", "only together with a range")
    return True


def _checksum(name: str, data: bytes) -> tuple[str, str]:
    if name == _RANGE_MD5:
        return "Content-MD5", base64.b64encode(md5_of(data)).decode()
    return "x-ms-content-crc64", base64.b64encode(crc64(data)).decode()


def _nothing_held() -> None:
    """Of content that came with its blob."""


async def _find_and_hold(service: Service, call: Call, now: int) -> tuple[_Found, Callable[[], None]]:
    """Looks again if content was removed between the look and the hold: the blob was replaced then."""
    disposal = service.content.disposal
    while True:
        with disposal.watch() as removed:
            found = await _found(service, call, now)
            if not found.pieces:
                return found, _nothing_held
            numbers = {piece.content_no for piece in found.pieces}
            if removed.isdisjoint(numbers):
                return found, disposal.hold(numbers)


async def _found(service: Service, call: Call, now: int) -> _Found:
    """A long list of ranges is not read on the event loop."""
    found = await service.database.look(lambda connection: _find(connection, call, now, listed=False))
    if found is None:
        found = await service.database.read(lambda connection: _find(connection, call, now, listed=True))
    if found is None:
        raise LookupError("a blob is in neither one content nor a layout")
    return found


def _find(connection: sa.Connection, call: Call, now: int, *, listed: bool) -> _Found | None:
    """None for a blob that is a list of ranges, unless `listed`."""
    names = call.address
    slot, data = rows.find_with_data(connection, names.account, names.container, names.blob, call.wanted)
    if slot is None:
        raise BlobError("ContainerNotFound")
    blob = guards.existing(slot)
    guards.check_read(call, blob, now)
    tiering.check_readable(blob, now)
    wanted = ranges.parse(call.headers.get("x-ms-range"), call.headers.get("range"))
    span = wanted.within(blob.size) if wanted else None
    part = span or Span(0, blob.size)
    if data is not None or not blob.size:
        return _Found(blob, part, span, (data or b"")[part.start : part.end])
    if blob.content_no is None and not listed:
        return None
    return _Found(blob, part, span, pieces=_pieces(connection, blob, part))


def _pieces(connection: sa.Connection, blob: Blob, part: Span) -> tuple[Piece, ...]:
    """The stretches of content files that make up this part of the blob."""
    if blob.content_no is not None:
        return (Piece(blob.content_no, part.start, part.length),)
    return tuple(layouts.pieces(connection, blob.layout_no, part.start, part.end))


def _get_headers(call: Call, found: _Found, now: int) -> Headers:
    properties = _shown_properties(call, found.blob)
    headers = _headers(found.blob, properties, now)
    md5 = properties.content_md5
    if found.span is not None:
        headers.append(("Content-Range", found.span.content_range(found.blob.size)))
    if md5:
        headers.append(("Content-MD5" if found.span is None else "x-ms-blob-content-md5", md5))
    return headers


def _headers(blob: Blob, properties: HttpProperties, now: int) -> Headers:
    return [
        *version_headers(blob.modified),
        *property_headers(properties),
        *metadata_headers(blob.metadata.items()),
        ("Accept-Ranges", "bytes"),
        ("x-ms-creation-time", dates.http_date(blob.created)),
        *given.encryption_headers(blob.extras),
        *special_headers(blob, now),
    ]


def special_headers(blob: Blob, now: int) -> Headers:
    """Type, version, lease, tier, and what only some blobs have."""
    shown: Headers = [("x-ms-blob-type", TYPES[blob.type]), *leases.headers(blob.lease, now)]
    if blob.type == "append":
        shown.append(("x-ms-blob-committed-block-count", str(blob.extras.appends)))
        shown += [("x-ms-blob-sealed", "true")] if blob.extras.sealed else []
    elif blob.type == "page":
        shown.append(("x-ms-blob-sequence-number", str(blob.extras.sequence)))
    shown += tiering.headers(blob, now)
    if blob.stored_extras is not None:
        shown += _tag_count(blob) + copy_headers(blob.extras.copy)
    if blob.version_id is not None:
        shown += version_id(blob.version_id)
        shown += [("x-ms-is-current-version", "true")] if blob.kind == "base" else []
    return shown


def _tag_count(blob: Blob) -> Headers:
    count = len(blob.extras.tags)
    return [("x-ms-tag-count", str(count))] if count else []


def copy_headers(copy: Copied | None) -> Headers:
    """How the last copy to a blob went."""
    if copy is None:
        return []
    shown: Headers = [
        ("x-ms-copy-id", copy.id),
        ("x-ms-copy-source", copy.source),
        ("x-ms-copy-status", copy.status),
        ("x-ms-copy-progress", f"{copy.done}/{copy.total}"),
    ]
    if copy.completed:
        shown.append(("x-ms-copy-completion-time", dates.http_date(copy.completed)))
    return [*shown, ("x-ms-copy-status-description", copy.description)] if copy.description else shown


def _shown_properties(call: Call, blob: Blob) -> HttpProperties:
    """As stored, but for what a SAS replaces."""
    properties = blob.properties
    if call.principal.scheme != "sas" or call.query.keys().isdisjoint(SAS_OVERRIDES):
        return properties
    replaced = {
        field: check_value(name, call.query[name])
        for name, field in SAS_OVERRIDES.items()
        if call.query.get(name)
    }
    return msgspec.structs.replace(properties, **replaced) if replaced else properties
