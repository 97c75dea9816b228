"""Where the bytes of a block, of an append or of pages come from: the body, or a URL.

The bytes of a blob of this service are shared, not copied, unless the client gives a checksum of them
or they lie in many small pieces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from batchite.blobs import bodies, sources
from batchite.blobs.answers import Answer, Headers
from batchite.blobs.call import Call, Service
from batchite.blobs.content.base import Data
from batchite.blobs.content.uploads import Received, too_large
from batchite.blobs.sources import Local
from batchite.store.blobs import contents, layouts
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.blocks import Piece
from batchite.wire.blob import checksums, numbers, ranges
from batchite.wire.blob.checksums import Expected
from batchite.wire.blob.errors import BlobError, invalid_header
from batchite.wire.blob.ranges import Span


class Part(NamedTuple):
    """Bytes that a blob is about to consist of; `shown` are the headers that tell their checksum."""

    size: int
    pieces: Sequence[Piece]
    shown: Headers


Supply = Callable[[sa.Connection], Part]
"""Called once, in the transaction that refers to the pieces. Raises BlobError."""
Unit = Callable[[sa.Connection, Supply], tuple[Answer, list[int]]]
"""Refers to what is supplied; the answer, and the contents that nothing refers to any more."""


class _NotShared(Exception):  # noqa: N818 - a way to go, not a mistake
    """The bytes are to be copied."""


async def take(
    service: Service, call: Call, limit: int, early: Callable[[sa.Connection], object], unit: Unit
) -> Answer:
    """Store what the request brings: at least one byte, at most `limit`.

    `early` raises what would make it pointless to take bytes in. Raises BlobError.
    """
    if not sources.is_given(call.headers):
        if call.headers.get("content-length") == "0":
            raise _empty()
        expected = checksums.expected(call.headers)
        stream = bodies.stream(call, limit)
        await service.database.look(early)
        return await _receive(service, stream, limit, expected, unit)
    expected = checksums.expected(call.headers, checksums.OF_SOURCE)
    sources.check_no_body(call)
    source = await sources.resolve(service, call, waits=True)
    await service.database.look(early)
    if isinstance(source, Local) and expected == checksums.NOTHING:
        try:
            return await store(service, unit, _shared(service, source, limit))
        except _NotShared:
            pass
    async with sources.opened(service, source) as found:
        if numbers.read_foreign(found.headers.get("content-length")) > limit:
            raise too_large(limit)
        return await _receive(service, found.chunks, limit, expected, unit)


async def store(service: Service, unit: Unit, supply: Supply) -> Answer:
    """Store what is supplied, which may be many rows."""
    answer, condemned = await service.database.write(lambda connection: unit(connection, supply))
    service.content.disposal.dispose(condemned)
    return answer


async def _receive(
    service: Service, stream: AsyncIterator[Data], limit: int, expected: Expected, unit: Unit
) -> Answer:
    digest = expected.md5 is not None
    async with service.content.uploads.receive(stream, limit, inline=True, digest=digest) as received:
        if not received.size:
            raise _empty()
        expected.check(received.md5, received.crc64)
        shown = expected.shown(received.crc64)

        def supply(connection: sa.Connection) -> Part:
            return Part(received.size, _stored(connection, received), shown)

        answer, condemned = await service.database.touch(lambda connection: unit(connection, supply))
    service.content.disposal.dispose(condemned)
    return answer


def _stored(connection: sa.Connection, received: Received) -> list[Piece]:
    content_no = received.store(connection)
    return [] if content_no is None else [Piece(content_no, 0, received.size)]


def _shared(service: Service, source: Local, limit: int) -> Supply:
    """What the source has at the time of the transaction."""

    def supply(connection: sa.Connection) -> Part:
        blob = sources.find(connection, source, service.clock.now().ticks)
        span = _span(source.call, blob)
        if not span.length:
            raise _empty()
        if span.length > limit:
            raise too_large(limit)
        pieces = layouts.share(connection, blob, span.start, span.end)
        if pieces is None:
            raise _NotShared
        return Part(span.length, pieces, _shown(connection, pieces))

    return supply


def _empty() -> BlobError:
    return invalid_header("Content-Length", "0", "there is at least one byte to store")


def _span(call: Call, blob: Blob) -> Span:
    wanted = ranges.parse(call.headers.get("x-ms-range"), None)
    return wanted.within(blob.size) if wanted else Span(0, blob.size)


def _shown(connection: sa.Connection, pieces: Sequence[Piece]) -> Headers:
    """The checksum, where it is known: of one whole content."""
    if len(pieces) != 1 or pieces[0].start:
        return []
    known = contents.checksum(connection, pieces[0].content_no, pieces[0].length)
    return [(checksums.CRC64, checksums.encode(known))] if known else []
