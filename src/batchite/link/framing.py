"""Frames of messages: bytes on the WebSocket, values everywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from batchite.link.messages import FromAgent, Message, ToAgent

M = TypeVar("M")

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Limit for one frame; a sender splits long before it."""
LONG_FRAME_BYTES = 4 * 1024 * 1024
"""From this size on a frame is split, as far as its messages can be told apart."""

_encoder = msgspec.msgpack.Encoder()
_frame_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])


def encode(messages: Iterable[Message]) -> bytes:
    return _encoder.encode(list(messages))


def frames(messages: Sequence[Message]) -> Iterator[bytes]:
    """All messages, in order, in as many frames as it takes."""
    frame = encode(messages)
    if len(frame) <= LONG_FRAME_BYTES or len(messages) == 1:
        yield frame
        return
    middle = len(messages) // 2
    yield from frames(messages[:middle])
    yield from frames(messages[middle:])


class FrameDecoder(Generic[M]):
    """Decodes the frames of one direction; unknown or malformed messages are left out."""

    def __init__(self, message_types: type[M] | object) -> None:
        self._whole = msgspec.msgpack.Decoder(list[message_types])  # type: ignore[valid-type]
        self._single: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(message_types)

    def decode(self, frame: bytes) -> list[M]:
        """Raises msgspec.DecodeError if the frame itself is not an array of messages."""
        try:
            return self._whole.decode(frame)
        except (msgspec.ValidationError, UnicodeDecodeError):
            return self._one_by_one(frame)
        except RecursionError:
            raise msgspec.DecodeError("nested too deeply") from None

    def _one_by_one(self, frame: bytes) -> list[M]:
        try:
            return [message for raw in _frame_decoder.decode(frame) if (message := self._known(raw))]
        except RecursionError:
            raise msgspec.DecodeError("nested too deeply") from None

    def _known(self, raw: msgspec.Raw) -> M | None:
        try:
            return self._single.decode(raw)
        except (msgspec.ValidationError, UnicodeDecodeError, RecursionError):
            return None


to_agent: FrameDecoder[ToAgent] = FrameDecoder(ToAgent)
from_agent: FrameDecoder[FromAgent] = FrameDecoder(FromAgent)
