"""Operations on whole blobs: put, delete, metadata and HTTP properties."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import msgspec
import sqlalchemy as sa

from batchite.blobs.answers import Answer, changed
from batchite.blobs.call import Call, Service
from batchite.blobs.content.uploads import Received, too_large
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Blob, Slot, Written
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
    conditions = call.conditions
    stream = body(call, MAX_PUT_BYTES)
    await _check_early(service, call)
    async with service.content.uploads.receive(stream, MAX_PUT_BYTES, inline=True, digest=True) as received:
        md5 = check_md5(call, received)

        def unit(connection: sa.Connection) -> tuple[int, list[int]]:
            slot = find_slot(connection, call)
            check_create(call, slot)
            conditions.check_put(slot.blob.modified if slot.blob else None)
            now = service.clock.now().ticks
            written = Written(
                now,
                received.size,
                msgspec.structs.replace(properties, content_md5=md5),
                metadata,
                content_no=received.store(connection),
            )
            return now, kept.put(connection, slot, call.address.blob, written)

        modified, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, ("Content-MD5", md5), NOT_ENCRYPTED)


def _check_type(call: Call) -> None:
    kind = call.headers.get("x-ms-blob-type")
    if kind is None:
        raise missing_header("x-ms-blob-type")
    if kind in ("AppendBlob", "PageBlob"):
        raise unsupported_header("x-ms-blob-type", kind, "only block blobs are supported")
    if kind != "BlockBlob":
        raise invalid_header("x-ms-blob-type", kind, "BlockBlob")


async def _check_early(service: Service, call: Call) -> None:
    """A large body is not taken in for a container that does not exist."""
    if int(call.headers.get("content-length", 0)) > EARLY_CHECK_BYTES:
        await service.database.read(lambda connection: find_slot(connection, call))


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


def check_create(call: Call, slot: Slot) -> None:
    """Raises BlobError if the token may only create and there is something."""
    if slot.blob is not None and not call.may_replace:
        reason = "the token may create (c) but not overwrite (w), and the blob exists"
        raise BlobError("AuthorizationPermissionMismatch", details=(("Reason", reason),))


async def delete(service: Service, call: Call) -> Answer:
    """There are no snapshots yet, so `x-ms-delete-snapshots: include` has nothing more to delete."""
    choice = call.headers.get("x-ms-delete-snapshots")
    if choice == "only":
        raise unsupported_header("x-ms-delete-snapshots", choice, "snapshots are not supported")
    if choice not in (None, "", "include"):
        raise invalid_header("x-ms-delete-snapshots", choice or "", "include or only")
    conditions = call.conditions

    def unit(connection: sa.Connection) -> list[int]:
        slot = find_slot(connection, call)
        blob = existing(slot)
        conditions.check_change(blob.modified)
        return rows.remove(connection, slot, blob)

    service.content.disposal.dispose(await service.database.write(unit))
    return Answer(202, [("x-ms-delete-type-permanent", "true")])


async def set_metadata(service: Service, call: Call) -> Answer:
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    conditions = call.conditions

    def unit(connection: sa.Connection) -> int:
        blob = existing(find_slot(connection, call))
        conditions.check_change(blob.modified)
        now = service.clock.now().ticks
        rows.set_metadata(connection, blob.number, metadata, now)
        return now

    return changed(200, await service.database.write(unit), NOT_ENCRYPTED)


async def set_properties(service: Service, call: Call) -> Answer:
    """Set Blob Properties: all are replaced, those not given are cleared."""
    for name in ("x-ms-blob-content-length", "x-ms-sequence-number-action", "x-ms-blob-sequence-number"):
        if call.headers.get(name):
            raise unsupported_header(name, call.headers[name], "for page blobs only, which are not supported")
    properties = headers.blob_properties(call.headers, plain=False)
    conditions = call.conditions

    def unit(connection: sa.Connection) -> int:
        blob = existing(find_slot(connection, call))
        conditions.check_change(blob.modified)
        now = service.clock.now().ticks
        rows.set_properties(connection, blob.number, properties, now)
        return now

    return changed(200, await service.database.write(unit))


def find_slot(connection: sa.Connection, call: Call) -> Slot:
    """Raises BlobError ContainerNotFound."""
    names = call.address
    slot = rows.find(connection, names.account, names.container, names.blob)
    if slot is None:
        raise BlobError("ContainerNotFound")
    return slot


def existing(slot: Slot) -> Blob:
    """Raises BlobError BlobNotFound."""
    if slot.blob is None:
        raise BlobError("BlobNotFound")
    return slot.blob
