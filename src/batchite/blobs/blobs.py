"""Put Blob, and what all that write content share."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping

import msgspec
import sqlalchemy as sa

from batchite.blobs import guards
from batchite.blobs.answers import Answer, Headers, changed, version_id
from batchite.blobs.call import Call, Service
from batchite.blobs.content.uploads import Received, too_large
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Type, Written
from batchite.store.blobs.containers import encode_metadata
from batchite.store.blobs.extras import Extras
from batchite.wire.blob import address, headers, numbers
from batchite.wire.blob import pages as page_rules
from batchite.wire.blob.errors import BlobError, invalid_header, missing_header

MAX_PUT_BYTES = 5000 * 1024 * 1024
NOT_ENCRYPTED = ("x-ms-request-server-encrypted", "false")

_TYPES: Mapping[str, Type] = {"BlockBlob": "block", "AppendBlob": "append", "PageBlob": "page"}
_MD5_HEADERS = ("content-md5", "x-ms-blob-content-md5")


async def put(service: Service, call: Call) -> Answer:
    """Put Blob: a block blob with its content, an append or page blob without."""
    kind = _read_type(call)
    address.check_blob(call.address.blob)
    return await (_put_block_blob(service, call) if kind == "block" else _create(service, call, kind))


async def _put_block_blob(service: Service, call: Call) -> Answer:
    properties = headers.blob_properties(call.headers, plain=True)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    stream = body(call, MAX_PUT_BYTES)
    await _check_early(service, call)
    async with service.content.uploads.receive(stream, MAX_PUT_BYTES, inline=True, digest=True) as received:
        md5 = check_md5(call, received)

        def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
            slot = guards.find_slot(connection, call)
            now = service.clock.now().ticks
            guards.check_put(call, slot, now)
            guards.check_overwrite(connection, call, slot, "block")
            written = Written(
                now,
                received.size,
                msgspec.structs.replace(properties, content_md5=md5),
                metadata,
                content_no=received.store(connection),
            )
            condemned = kept.put(connection, slot, call.address.blob, written)
            return now, now if slot.versioning else None, condemned

        modified, version, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, ("Content-MD5", md5), *version_id(version), NOT_ENCRYPTED)


async def _create(service: Service, call: Call, kind: Type) -> Answer:
    """Nothing but zeros, or nothing at all."""
    if call.headers.get("content-length", "0") != "0":
        raise invalid_header("Content-Length", call.headers["content-length"], "0; write to the blob later")
    properties = headers.blob_properties(call.headers, plain=True)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    size = page_rules.read_size(call.headers.get(page_rules.LENGTH)) if kind == "page" else 0
    sequence = numbers.read(page_rules.SEQUENCE, call.headers.get(page_rules.SEQUENCE)) or 0

    def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
        slot = guards.find_slot(connection, call)
        now = service.clock.now().ticks
        guards.check_put(call, slot, now)
        guards.check_overwrite(connection, call, slot, kind)
        written = Written(now, size, properties, metadata, type=kind, extras=Extras(sequence=sequence))
        condemned = kept.put(connection, slot, call.address.blob, written)
        return now, now if slot.versioning else None, condemned

    modified, version, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, *version_id(version), NOT_ENCRYPTED)


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


def body(call: Call, limit: int) -> AsyncIterator[bytes]:
    """Raises BlobError RequestBodyTooLarge before anything is read, if the length is announced."""
    announced = call.headers.get("content-length")
    if announced is not None and int(announced) > limit:
        raise too_large(limit)
    return call.incoming.stream()


def check_md5(call: Call, received: Received) -> str:
    """The MD5 in base64. Raises BlobError InvalidMd5, or Md5Mismatch if the client gave another."""
    for name in _MD5_HEADERS:
        if given := call.headers.get(name):
            compare_md5(name, given, received.md5)
    return base64.b64encode(received.md5 or b"").decode()


def check_received(call: Call, received: Received) -> Headers:
    """The checksums of a block or page that the client gave, if they are right, to be shown again.

    Raises BlobError InvalidMd5 or Md5Mismatch.
    """
    given = call.headers.get("content-md5")
    if not given:
        return []
    compare_md5("content-md5", given, received.md5)
    return [("Content-MD5", given)]


def compare_md5(name: str, given: str, computed: bytes | None) -> None:
    if headers.md5_bytes(name, given) != computed:
        shown = base64.b64encode(computed or b"").decode()
        raise BlobError(
            "Md5Mismatch",
            details=(("HeaderName", name), ("UserSpecifiedMd5", given), ("ServerCalculatedMd5", shown)),
        )
