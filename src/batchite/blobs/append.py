"""Append blobs: Append Block and Seal."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards, parts
from batchite.blobs.answers import Answer, changed
from batchite.blobs.call import Call, Service
from batchite.blobs.parts import Supply
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import extras, layouts
from batchite.store.blobs.blobs import Blob
from batchite.wire.blob import numbers
from batchite.wire.blob.errors import BlobError

MAX_APPEND_BYTES = 100 * 1024 * 1024
MAX_APPENDS = 50_000

_AT = "x-ms-blob-condition-appendpos"
_MOST = "x-ms-blob-condition-maxsize"


async def append(service: Service, call: Call) -> Answer:
    """Append Block, and Append Block From URL: the bytes are the blob's end from now on."""

    def early(connection: sa.Connection) -> Blob:
        return _find(connection, call, service.clock.now().ticks)

    def unit(connection: sa.Connection, supply: Supply) -> tuple[Answer, list[int]]:
        return _append(connection, call, supply, service.clock.now().ticks)

    return await parts.take(service, call, MAX_APPEND_BYTES, early, unit)


def _append(connection: sa.Connection, call: Call, supply: Supply, now: int) -> tuple[Answer, list[int]]:
    blob = _find(connection, call, now)
    part = supply(connection)
    _check_place(call.headers, blob, part.size)
    count = blob.extras.appends + 1
    if count > MAX_APPENDS:
        raise BlobError("BlockCountExceedsLimit")
    layout_no = layouts.append(connection, blob, part.pieces)
    fields = extras.encode(msgspec.structs.replace(blob.extras, appends=count))
    rows.update(connection, blob, now, size=blob.size + part.size, layout_no=layout_no, extras=fields)
    condemned = layouts.leave(connection, blob, layout_no)
    answer = changed(
        201,
        now,
        *part.shown,
        ("x-ms-blob-append-offset", str(blob.size)),
        ("x-ms-blob-committed-block-count", str(count)),
        *given.encrypted(call),
    )
    return answer, condemned


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
