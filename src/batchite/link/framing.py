"""Frames of messages: bytes on the WebSocket, values everywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from batchite.link.messages import FromAgent, Message, ToAgent

M = TypeVar("M")

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Limit for one frame; a sender splits long before it."""

_encoder = msgspec.msgpack.Encoder()
_frame_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])


def encode(messages: Iterable[Message]) -> bytes:
    return _encoder.encode(list(messages))


class FrameDecoder(Generic[M]):
    """Decodes the frames of one direction; unknown or malformed messages are left out."""

    def __init__(self, message_types: type[M] | object) -> None:
        self._whole = msgspec.msgpack.Decoder(list[message_types])  # type: ignore[valid-type]
        self._single: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(message_types)

    def decode(self, frame: bytes) -> list[M]:
        """Raises msgspec.DecodeError if the frame itself is not an array of messages."""
        try:
            return self._whole.decode(frame)
        except msgspec.ValidationError:
            return [message for raw in _frame_decoder.decode(frame) if (message := self._known(raw))]

    def _known(self, raw: msgspec.Raw) -> M | None:
        try:
            return self._single.decode(raw)
        except msgspec.ValidationError:
            return None


to_agent: FrameDecoder[ToAgent] = FrameDecoder(ToAgent)
from_agent: FrameDecoder[FromAgent] = FrameDecoder(FromAgent)
