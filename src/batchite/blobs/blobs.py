"""Put Blob, and what all that write content share."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from batchite.blobs import bodies, given, guards
from batchite.blobs.answers import Answer, changed, version_id
from batchite.blobs.call import Call, Service
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Type, Written
from batchite.store.blobs.containers import encode_metadata
from batchite.store.blobs.extras import Extras
from batchite.wire.blob import address, checksums, headers, numbers
from batchite.wire.blob import pages as page_rules
from batchite.wire.blob.errors import invalid_header, missing_header

MAX_PUT_BYTES = 5000 * 1024 * 1024

_TYPES: Mapping[str, Type] = {"BlockBlob": "block", "AppendBlob": "append", "PageBlob": "page"}


async def put(service: Service, call: Call) -> Answer:
    """Put Blob: a block blob with its content, an append or page blob without."""
    kind = _read_type(call)
    address.check_blob(call.address.blob)
    return await (_put_block_blob(service, call) if kind == "block" else _create(service, call, kind))


async def _put_block_blob(service: Service, call: Call) -> Answer:
    properties = headers.blob_properties(call.headers, plain=True)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    extras = given.extras(call)
    expected = checksums.expected(call.headers, checksums.OF_BLOCK_BLOB)
    stream = bodies.stream(call, MAX_PUT_BYTES)
    await _check_early(service, call)
    async with service.content.uploads.receive(stream, MAX_PUT_BYTES, inline=True, digest=True) as received:
        expected.check(received.md5, received.crc64)
        shown = [("Content-MD5", received.md5_text), (checksums.CRC64, checksums.encode(received.crc64))]

        def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
            slot = guards.find_slot(connection, call)
            now = service.clock.now().ticks
            guards.check_put(call, slot, now)
            guards.check_overwrite(connection, call, slot, "block")
            written = Written(
                now,
                received.size,
                msgspec.structs.replace(properties, content_md5=received.md5_text),
                metadata,
                content_no=received.store(connection),
                extras=extras,
            )
            condemned = kept.put(connection, slot, call.address.blob, written)
            return now, now if slot.versioning else None, condemned

        modified, version, condemned = await service.database.touch(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, *shown, *version_id(version), *given.encrypted(call))


async def _create(service: Service, call: Call, kind: Type) -> Answer:
    """Nothing but zeros, or nothing at all."""
    if call.headers.get("content-length", "0") != "0":
        raise invalid_header("Content-Length", call.headers["content-length"], "0; write to the blob later")
    properties = headers.blob_properties(call.headers, plain=True)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    size = page_rules.read_size(call.headers.get(page_rules.LENGTH)) if kind == "page" else 0
    sequence = numbers.read(page_rules.SEQUENCE, call.headers.get(page_rules.SEQUENCE)) or 0
    extras = given.extras(call, kind, Extras(sequence=sequence))

    def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
        slot = guards.find_slot(connection, call)
        now = service.clock.now().ticks
        guards.check_put(call, slot, now)
        guards.check_overwrite(connection, call, slot, kind)
        written = Written(now, size, properties, metadata, type=kind, extras=extras)
        condemned = kept.put(connection, slot, call.address.blob, written)
        return now, now if slot.versioning else None, condemned

    modified, version, condemned = await service.database.touch(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, *version_id(version), *given.encrypted(call))


def _read_type(call: Call) -> Type:
    given = call.headers.get("x-ms-blob-type")
    if given is None:
        raise missing_header("x-ms-blob-type")
    kind = _TYPES.get(given)
    if kind is None:
        raise invalid_header("x-ms-blob-type", given, "BlockBlob, AppendBlob or PageBlob")
    return kind


async def _check_early(service: Service, call: Call) -> None:
    """A large body is not taken in if it is known that it cannot be stored."""
    if int(call.headers.get("content-length", 0)) > EARLY_CHECK_BYTES:
        now = service.clock.now().ticks
        await service.database.read(
            lambda connection: guards.check_put(call, guards.find_slot(connection, call), now)
        )


EARLY_CHECK_BYTES = 1024 * 1024
