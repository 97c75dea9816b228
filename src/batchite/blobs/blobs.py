"""Operations on whole blobs: put, delete, metadata and HTTP properties."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import msgspec
import sqlalchemy as sa

from batchite.blobs import guards
from batchite.blobs.answers import Answer, changed, version_id
from batchite.blobs.call import Call, Service
from batchite.blobs.content.uploads import Received, too_large
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Written
from batchite.store.blobs.containers import encode_metadata
from batchite.wire.blob import address, headers
from batchite.wire.blob.errors import BlobError, invalid_header, missing_header, unsupported_header

MAX_PUT_BYTES = 5000 * 1024 * 1024
NOT_ENCRYPTED = ("x-ms-request-server-encrypted", "false")

_MD5_HEADERS = ("content-md5", "x-ms-blob-content-md5")


async def put(service: Service, call: Call) -> Answer:
    """Put Blob, for block blobs."""
    _check_type(call)
    address.check_blob(call.address.blob)
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


def _check_type(call: Call) -> None:
    kind = call.headers.get("x-ms-blob-type")
    if kind is None:
        raise missing_header("x-ms-blob-type")
    if kind in ("AppendBlob", "PageBlob"):
        raise unsupported_header("x-ms-blob-type", kind, "only block blobs are supported")
    if kind != "BlockBlob":
        raise invalid_header("x-ms-blob-type", kind, "BlockBlob")


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


def compare_md5(name: str, given: str, computed: bytes | None) -> None:
    if headers.md5_bytes(name, given) != computed:
        shown = base64.b64encode(computed or b"").decode()
        raise BlobError(
            "Md5Mismatch",
            details=(("HeaderName", name), ("UserSpecifiedMd5", given), ("ServerCalculatedMd5", shown)),
        )


async def set_metadata(service: Service, call: Call) -> Answer:
    """All metadata are replaced. Where versions are kept, the old state becomes one."""
    metadata = encode_metadata(headers.metadata(call.metadata_headers))

    def unit(connection: sa.Connection) -> tuple[int, int | None]:
        slot = guards.find_slot(connection, call)
        blob = guards.existing(slot)
        now = service.clock.now().ticks
        guards.check_change(call, blob, now)
        return now, kept.change(connection, slot, blob, now, metadata=metadata)

    modified, version = await service.database.write(unit)
    return changed(200, modified, *version_id(version), NOT_ENCRYPTED)


async def set_properties(service: Service, call: Call) -> Answer:
    """Set Blob Properties: all are replaced, those not given are cleared."""
    for name in ("x-ms-blob-content-length", "x-ms-sequence-number-action", "x-ms-blob-sequence-number"):
        if call.headers.get(name):
            raise unsupported_header(name, call.headers[name], "for page blobs only, which are not supported")
    properties = headers.blob_properties(call.headers, plain=False)

    def unit(connection: sa.Connection) -> int:
        blob = guards.existing(guards.find_slot(connection, call))
        now = service.clock.now().ticks
        guards.check_change(call, blob, now)
        rows.update(connection, blob, now, properties=rows.encode_properties(properties))
        return now

    return changed(200, await service.database.write(unit))
