"""What only some blobs have, kept as JSON in one column that is NULL for the others."""

from __future__ import annotations

import msgspec


class Extras(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field that is not told otherwise is kept when metadata or properties change, and cleared when
    the blob is overwritten.

    `appends` is the number of blocks of an append blob, `sealed` says that it takes no more, `sequence`
    is the number that clients of a page blob agree by.
    """

    appends: int = 0
    sealed: bool = False
    sequence: int = 0


NONE = Extras()

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Extras)


def encode(extras: Extras) -> bytes | None:
    return None if extras == NONE else _encoder.encode(extras)


def decode(stored: bytes | None) -> Extras:
    return _decoder.decode(stored) if stored else NONE
