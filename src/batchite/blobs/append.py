"""Append blobs: Append Block and Seal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from batchite.blobs import checksums, given, guards
from batchite.blobs.answers import Answer, Headers, changed
from batchite.blobs.blobs import body
from batchite.blobs.call import Call, Service
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import extras, layouts
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.blocks import Piece
from batchite.wire.blob import numbers
from batchite.wire.blob.errors import BlobError, invalid_header

MAX_APPEND_BYTES = 100 * 1024 * 1024
MAX_APPENDS = 50_000

_AT = "x-ms-blob-condition-appendpos"
_MOST = "x-ms-blob-condition-maxsize"


async def append(service: Service, call: Call) -> Answer:
    """Append Block: the body is the blob's end from now on."""
    if call.headers.get("content-length") == "0":
        raise invalid_header("Content-Length", "0", "a block has at least one byte")
    stream = body(call, MAX_APPEND_BYTES)
    now = service.clock.now().ticks
    await service.database.look(lambda connection: _find(connection, call, now))
    uploads = service.content.uploads
    digest = bool(call.headers.get("content-md5"))
    async with uploads.receive(stream, MAX_APPEND_BYTES, inline=True, digest=digest) as received:
        checked = checksums.check_part(call.headers, received)

        def store(connection: sa.Connection) -> Sequence[Piece]:
            content_no = received.store(connection)
            if content_no is None:
                raise invalid_header("Content-Length", "0", "a block has at least one byte")
            return [Piece(content_no, 0, received.size)]

        return await commit(service, call, received.size, store, checked)


async def commit(
    service: Service,
    call: Call,
    size: int,
    store: Callable[[sa.Connection], Sequence[Piece]],
    shown: Headers,
) -> Answer:
    """Make these pieces the end of the blob; `store` is called in the transaction that does it."""

    def unit(connection: sa.Connection) -> tuple[Answer, list[int]]:
        now = service.clock.now().ticks
        blob = _find(connection, call, now)
        _check_place(call.headers, blob, size)
        count = blob.extras.appends + 1
        if count > MAX_APPENDS:
            raise BlobError("BlockCountExceedsLimit")
        layout_no = layouts.append(connection, blob, store(connection))
        fields = extras.encode(msgspec.structs.replace(blob.extras, appends=count))
        rows.update(connection, blob, now, size=blob.size + size, layout_no=layout_no, extras=fields)
        condemned = layouts.leave(connection, blob, layout_no)
        answer = changed(
            201,
            now,
            *shown,
            ("x-ms-blob-append-offset", str(blob.size)),
            ("x-ms-blob-committed-block-count", str(count)),
            *given.encrypted(call),
        )
        return answer, condemned

    answer, condemned = await service.database.touch(unit)
    service.content.disposal.dispose(condemned)
    return answer


async def seal(service: Service, call: Call) -> Answer:
    """Append Blob Seal: nothing can be appended from now on."""

    def unit(connection: sa.Connection) -> int:
        now = service.clock.now().ticks
        blob = guards.existing(guards.find_slot(connection, call))
        guards.check_type(blob, "append")
        guards.check_change(call, blob, now)
        _check_place(call.headers, blob, 0)
        fields = extras.encode(msgspec.structs.replace(blob.extras, sealed=True))
        rows.update(connection, blob, now, extras=fields)
        return now

    return changed(200, await service.database.touch(unit), ("x-ms-blob-sealed", "true"))


def _find(connection: sa.Connection, call: Call, now: int) -> Blob:
    """Raises BlobError unless there is a blob to append to."""
    blob = guards.existing(guards.find_slot(connection, call))
    guards.check_type(blob, "append")
    guards.check_change(call, blob, now)
    given.check_key(call, blob)
    if blob.extras.sealed:
        raise BlobError("BlobIsSealed")
    return blob


def _check_place(headers: Mapping[str, str], blob: Blob, size: int) -> None:
    at = numbers.read(_AT, headers.get(_AT))
    if at is not None and at != blob.size:
        raise BlobError("AppendPositionConditionNotMet")
    most = numbers.read(_MOST, headers.get(_MOST))
    if most is not None and blob.size + size > most:
        raise BlobError("MaxBlobSizeConditionNotMet")
