"""Structured bodies, decoded as they come and encoded as they go."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from batchite.blobs.content.base import Data
from batchite.blobs.content.reading import Stream
from batchite.wire.blob.structured import Decoder, Encoder


async def decoded(blocks: AsyncIterator[Data], decoder: Decoder) -> AsyncIterator[Data]:
    """What is in the message. Raises BlobError, at the latest at its end."""
    async for block in blocks:
        for piece in decoder.feed(block):
            yield piece
    decoder.finish()


class Encoded:
    """A stream as a message; all of it passes through this process."""

    def __init__(self, stream: Stream, encoder: Encoder) -> None:
        self._stream = stream
        self._encoder = encoder

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """As of `Stream`."""
        before = self._encoder.begin()
        async with aclosing(self._stream.chunks()) as chunks:
            async for chunk in chunks:
                yield before + b"".join(self._encoder.feed(chunk))
                before = b""
        yield before + self._encoder.end()

    def parts(self) -> AsyncGenerator[bytes, None]:
        """The same: there is nothing that the system could send by itself."""
        return self.chunks()
