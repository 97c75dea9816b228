"""Copy Blob, Copy Blob From URL, Put Blob From URL and Abort Copy Blob.

A blob of this service is copied at once and without a byte being moved, whatever the operation. What
comes from elsewhere is taken in while the client waits, or by `copying` if it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import msgspec
import sqlalchemy as sa

from batchite.blobs import blobs, given, guards, remote, sources
from batchite.blobs.answers import Answer, Headers, changed, version_id
from batchite.blobs.call import Call, Service
from batchite.blobs.remote import target_of, without_signature
from batchite.blobs.sources import Local, Remote, Source
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import contents, kept, layouts
from batchite.store.blobs import copies as copy_rows
from batchite.store.blobs import extras as extra_fields
from batchite.store.blobs.blobs import Blob, Slot, Type, Written
from batchite.store.blobs.containers import encode_metadata
from batchite.store.blobs.copies import Pending
from batchite.store.blobs.extras import Copied, Extras
from batchite.wire.blob import address, checksums, headers, tiers
from batchite.wire.blob.checksums import Expected
from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.errors import (
    BlobError,
    invalid_header,
    invalid_parameter,
    missing_header,
    unsupported_header,
)
from batchite.wire.blob.headers import HttpProperties

Way = Literal["copy", "copy from URL", "put from URL"]

_TAG_OPTION = "x-ms-copy-source-tag-option"
_SEAL = "x-ms-seal-blob"
_ONLY_APPEND = "only copies of append blobs can be sealed"
_KEEP_PROPERTIES = "x-ms-copy-source-blob-properties"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the request's headers say of the blob to be; None for what the source says. `expected` is of
    the source's bytes."""

    way: Way
    properties: HttpProperties | None
    metadata: bytes | None
    extras: Extras
    copy_tags: bool
    expected: Expected


async def either(service: Service, call: Call) -> Answer:
    """Put Blob, with the content in the body or at a URL."""
    return await (put if sources.is_given(call.headers) else blobs.put)(service, call)


async def put(service: Service, call: Call) -> Answer:
    """Put Blob with a source instead of content: one of the three."""
    address.check_blob(call.address.blob)
    sources.check_no_body(call)
    wish = _read(call)
    source = await sources.resolve(service, call, waits=wish.way != "copy")
    if isinstance(source, Local) and wish.expected == checksums.NOTHING:
        return await _share(service, call, source, wish)
    if wish.way == "copy" and isinstance(source, Remote):
        return await _begin(service, call, source, wish)
    return await _take_in(service, call, source, wish)


def _read(call: Call) -> _Wish:
    way = _way(call)
    properties = None
    if way == "put from URL":
        found = headers.blob_properties(call.headers)
        if found != HttpProperties() or call.headers.get(_KEEP_PROPERTIES, "true").lower() == "false":
            properties = found
    option = call.headers.get(_TAG_OPTION, "REPLACE").upper()
    if option not in ("REPLACE", "COPY"):
        raise invalid_header(_TAG_OPTION, option, "REPLACE or COPY")
    if option == "COPY" and way == "copy":
        raise unsupported_header(
            _TAG_OPTION, option, "only where the client waits (x-ms-requires-sync: true)"
        )
    if option == "COPY" and call.headers.get(given.TAGS):
        raise invalid_header(_TAG_OPTION, option, f"not together with {given.TAGS}")
    if option == "COPY":
        given.check_may_tag(call)
    if way != "copy" and _is_sealing(call):
        raise unsupported_header(_SEAL, "true", _ONLY_APPEND)
    tiers.read_priority(call.headers)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    expected = checksums.expected(call.headers, checksums.OF_SOURCE)
    extras = given.extras(call, None if way == "copy" else "block")
    return _Wish(way, properties, metadata, extras, option == "COPY", expected)


def _way(call: Call) -> Way:
    kind = call.headers.get("x-ms-blob-type")
    if kind and kind != "BlockBlob":
        raise invalid_header("x-ms-blob-type", kind, "BlockBlob where a blob is put from a URL")
    if kind:
        return "put from URL"
    return "copy from URL" if call.headers.get("x-ms-requires-sync", "").lower() == "true" else "copy"


async def _share(service: Service, call: Call, source: Local, wish: _Wish) -> Answer:
    """The blob has the source's content from now on."""

    def unit(connection: sa.Connection) -> tuple[Answer, list[int]]:
        now = service.clock.now().ticks
        online = wish.way == "copy" and bool(wish.extras.tier)
        blob = sources.find(connection, source, now, archived=online)
        written = _shared(connection, call, blob, wish, now)
        slot = _place(connection, call, written.type, now)
        condemned = kept.put(connection, slot, call.address.blob, written)
        return _answer(connection, call, wish, slot, written), condemned

    answer, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return answer


def _place(connection: sa.Connection, call: Call, kind: rows.Type, now: int) -> Slot:
    slot = guards.find_slot(connection, call)
    guards.check_put(call, slot, now)
    guards.check_overwrite(connection, call, slot, kind)
    return slot


def _shared(connection: sa.Connection, call: Call, blob: Blob, wish: _Wish, now: int) -> Written:
    kind = blob.type if wish.way == "copy" else "block"
    extras = wish.extras
    if kind == blob.type:
        extras = _of_type(call, wish, kind, blob.extras)
    if wish.copy_tags:
        extras = msgspec.structs.replace(extras, tags=blob.extras.tags)
    properties = blob.properties if wish.properties is None else wish.properties
    if not properties.content_md5:
        properties = msgspec.structs.replace(properties, content_md5=blob.properties.content_md5)
    of_pages = blob.type == "page" != kind and blob.size
    return Written(
        now,
        blob.size,
        properties,
        blob.stored_metadata if wish.metadata is None else wish.metadata,
        blob.content_no,
        layouts.without_gaps(connection, blob) if of_pages else blob.layout_no,
        kind,
        _with_copy(call, wish, extras, blob.size, now),
    )


def _of_type(call: Call, wish: _Wish, kind: Type, source: Extras) -> Extras:
    """What the blob gets because of its type. Raises BlobError for a tier that its type has not.

    A copy is sealed if its source is, unless the request says otherwise.
    """
    if wish.extras.tier:
        tiers.read(wish.extras.tier, kind)
    if _is_sealing(call) and kind != "append":
        raise unsupported_header(_SEAL, "true", _ONLY_APPEND)
    sealed = _is_sealing(call) if call.headers.get(_SEAL) else source.sealed
    return msgspec.structs.replace(
        wish.extras, appends=source.appends, sequence=source.sequence, sealed=sealed
    )


def _is_sealing(call: Call) -> bool:
    return call.headers.get(_SEAL, "").lower() == "true"


def _with_copy(call: Call, wish: _Wish, extras: Extras, size: int, now: int) -> Extras:
    if wish.way == "put from URL":
        return extras
    source = without_signature(call.headers[sources.URL])
    copy = Copied(str(uuid4()), source, done=size, total=size, completed=now)
    return msgspec.structs.replace(extras, copy=copy)


def _answer(connection: sa.Connection, call: Call, wish: _Wish, slot: Slot, written: Written) -> Answer:
    shown: Headers = version_id(written.modified if slot.versioning else None)
    copy = written.extras.copy
    if copy is not None:
        shown += [("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)]
    if wish.way == "copy":
        return changed(202, written.modified, *shown)
    if written.properties.content_md5 and (wish.way == "put from URL" or wish.expected.md5):
        shown.append(("Content-MD5", written.properties.content_md5))
    if (known := _checksum(connection, written)) is not None:
        shown.append((checksums.CRC64, checksums.encode(known)))
    status = 201 if wish.way == "put from URL" else 202
    return changed(status, written.modified, *shown, *given.encrypted(call))


def _checksum(connection: sa.Connection, written: Written) -> bytes | None:
    """The CRC64, where it is known without reading: of one whole content."""
    if written.content_no is not None:
        return contents.checksum(connection, written.content_no, written.size)
    return None if written.size else crc64(b"")


async def _take_in(service: Service, call: Call, source: Source, wish: _Wish) -> Answer:
    """Read the source while the client waits."""
    limit = blobs.MAX_PUT_BYTES
    if wish.copy_tags:
        raise invalid_header(_TAG_OPTION, "COPY", "only for sources of this service, without checksums")
    async with (
        sources.opened(service, source) as found,
        service.content.uploads.receive(found.chunks, limit, inline=True, digest=True) as received,
    ):
        wish.expected.check(received.md5, received.crc64)
        target = target_of(found.headers)
        described = wish.properties or target.properties
        properties = msgspec.structs.replace(described, content_md5=received.md5_text)
        metadata = target.metadata if wish.metadata is None else wish.metadata

        def unit(connection: sa.Connection) -> tuple[Answer, list[int]]:
            now = service.clock.now().ticks
            slot = _place(connection, call, "block", now)
            extras = _with_copy(call, wish, wish.extras, received.size, now)
            content_no = received.store(connection)
            written = Written(now, received.size, properties, metadata, content_no, extras=extras)
            condemned = kept.put(connection, slot, call.address.blob, written)
            return _answer(connection, call, wish, slot, written), condemned

        answer, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return answer


async def _begin(service: Service, call: Call, source: Remote, wish: _Wish) -> Answer:
    """The blob is there at once, empty, and gets the content when all of it has come."""
    target = target_of(await sources.probe(service, source))
    plan = msgspec.json.encode(remote.plan(source.url, source.headers, target))
    extras = _of_type(call, wish, target.type, target.extras)
    metadata = target.metadata if wish.metadata is None else wish.metadata
    copy = Copied(str(uuid4()), without_signature(source.url), "pending", 0, target.size)

    def unit(connection: sa.Connection) -> tuple[Answer, Pending, list[int]]:
        now = service.clock.now().ticks
        slot = _place(connection, call, target.type, now)
        pending_extras = msgspec.structs.replace(extras, copy=copy)
        written = Written(now, 0, target.properties, metadata, type=target.type, extras=pending_extras)
        condemned = kept.put(connection, slot, call.address.blob, written)
        blob = guards.existing(guards.find_slot(connection, call))
        pending = Pending(blob.number, copy.id, plan)
        copy_rows.begin(connection, pending)
        return _answer(connection, call, wish, slot, written), pending, condemned

    answer, pending, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    service.copying.begin(pending)
    return answer


async def abort(service: Service, call: Call) -> Answer:
    """Abort Copy Blob: the blob stays, empty."""
    action = call.headers.get("x-ms-copy-action")
    if not action:
        raise missing_header("x-ms-copy-action")
    if action.lower() != "abort":
        raise invalid_header("x-ms-copy-action", action, "abort")
    copy_id = call.query.get("copyid", "")
    if not copy_id:
        raise invalid_parameter("copyid", copy_id, "the x-ms-copy-id that the copy was answered with")

    def unit(connection: sa.Connection) -> None:
        blob = guards.existing(guards.find_slot(connection, call))
        now = service.clock.now().ticks
        guards.check_lease(call, blob, now)
        copy = blob.extras.copy
        if copy is None or copy.status != "pending":
            raise BlobError("NoPendingCopyOperation")
        if copy.id != copy_id:
            raise BlobError("CopyIdMismatch")
        copy_rows.end(connection, Pending(blob.number, copy.id, b""))
        reached = service.copying.reached(copy.id)
        ended = msgspec.structs.replace(copy, status="aborted", done=reached, completed=now)
        fields = extra_fields.encode(msgspec.structs.replace(blob.extras, copy=ended))
        rows.update(connection, blob, now, extras=fields)

    await service.database.write(unit)
    service.copying.cancel(copy_id)
    return Answer(204, [])
