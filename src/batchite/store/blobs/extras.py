"""What only some blobs have, kept as JSON in one column that is NULL for the others."""

from __future__ import annotations

from typing import Literal

import msgspec


class Copied(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last copy to a blob: where from, how far, and when it ended (0: under way)."""

    id: str
    source: str
    status: Literal["pending", "success", "aborted", "failed"] = "success"
    done: int = 0
    total: int = 0
    completed: int = 0
    description: str = ""


class Rehydration(msgspec.Struct, frozen=True):
    """A blob is on its way out of the archive, to this tier; it is there at the tick `until`."""

    to: str
    until: int
    priority: str


class Extras(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field that is not told otherwise is kept when metadata or properties change, and cleared when
    the blob is overwritten.

    `appends` is the number of blocks of an append blob, `sealed` says that it takes no more, `sequence`
    is the number that clients of a page blob agree by, `generation` the time at which that was created or
    overwritten as a whole. `tier` is empty unless a client chose one, at
    `tier_changed`; what it is at a time says `at`. `key` is the base64 SHA-256 of the client's encryption
    key, `scope` the name of an encryption scope.
    """

    appends: int = 0
    sealed: bool = False
    sequence: int = 0
    generation: int = 0
    tags: dict[str, str] = {}
    tier: str = ""
    tier_changed: int = 0
    rehydration: Rehydration | None = None
    copy: Copied | None = None
    key: str = ""
    scope: str = ""

    def at(self, now: int) -> Extras:
        """With the tier of this time: nobody writes down that a blob has come out of the archive."""
        moving = self.rehydration
        if moving is None or now < moving.until:
            return self
        return msgspec.structs.replace(self, tier=moving.to, tier_changed=moving.until, rehydration=None)

    @property
    def is_archived(self) -> bool:
        return self.tier == "Archive"

    @property
    def is_copying(self) -> bool:
        return self.copy is not None and self.copy.status == "pending"


NONE = Extras()

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Extras)


def encode(extras: Extras) -> bytes | None:
    return None if extras == NONE else _encoder.encode(extras)


def decode(stored: bytes | None) -> Extras:
    return _decoder.decode(stored) if stored else NONE
