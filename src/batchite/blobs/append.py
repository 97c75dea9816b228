"""Append blobs: Append Block and Seal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards, parts
from batchite.blobs.answers import Answer, changed
from batchite.blobs.call import Call, Service
from batchite.blobs.parts import Part, Supply
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
    place = _read_place(call.headers)

    def early(connection: sa.Connection) -> Blob:
        return _find(connection, call, service.clock.now().ticks)

    def unit(connection: sa.Connection, supply: Supply) -> tuple[Answer, list[int]]:
        now = service.clock.now().ticks
        blob = _find(connection, call, now)
        part = supply(connection)
        place.check(blob, part.size)
        return _append(connection, call, blob, part, now)

    return await parts.take(service, call, MAX_APPEND_BYTES, early, unit)


def _append(
    connection: sa.Connection, call: Call, blob: Blob, part: Part, now: int
) -> tuple[Answer, list[int]]:
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
    place = _read_place(call.headers)

    def unit(connection: sa.Connection) -> int:
        now = service.clock.now().ticks
        blob = guards.existing(guards.find_slot(connection, call))
        guards.check_type(blob, "append")
        guards.check_change(call, blob, now)
        place.check(blob, 0)
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


class _Place(NamedTuple):
    """Where the bytes must come to lie; None where the client does not mind."""

    at: int | None
    most: int | None

    def check(self, blob: Blob, size: int) -> None:
        """Raises BlobError 412."""
        if self.at is not None and self.at != blob.size:
            raise BlobError("AppendPositionConditionNotMet")
        if self.most is not None and blob.size + size > self.most:
            raise BlobError("MaxBlobSizeConditionNotMet")


def _read_place(headers: Mapping[str, str]) -> _Place:
    return _Place(numbers.read(_AT, headers.get(_AT)), numbers.read(_MOST, headers.get(_MOST)))
