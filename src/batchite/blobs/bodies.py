"""Bodies of requests: where they end, how long they may be, and structured ones as what is in them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from batchite.blobs.call import Call
from batchite.blobs.content.base import Data
from batchite.blobs.content.uploads import too_large
from batchite.blobs.structured import decoded
from batchite.wire.blob import structured
from batchite.wire.blob.errors import BlobError


def stream(call: Call, limit: int) -> AsyncIterator[Data]:
    """Raises BlobError before anything is read: RequestBodyTooLarge if the length is announced, and
    MissingContentLengthHeader if nothing says where the body ends."""
    announced = call.headers.get("content-length")
    if announced is None and "transfer-encoding" not in call.headers:
        raise BlobError("MissingContentLengthHeader")
    length = None if announced is None else int(announced)
    if structured.is_asked(call.headers):
        content = structured.content_length(call.headers)
        if content > limit:
            raise too_large(limit)
        return decoded(call.incoming.blocks(), structured.Decoder(length, content))
    if length is not None and length > limit:
        raise too_large(limit)
    return call.incoming.blocks()


async def document(call: Call, limit: int) -> bytes:
    """All of it. Raises BlobError as `stream`."""
    pieces: list[bytes] = []
    size = 0
    async for piece in stream(call, limit):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(bytes(piece))
    return b"".join(pieces)
