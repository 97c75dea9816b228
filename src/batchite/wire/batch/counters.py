"""What grows while a node is there, as its agent counts it: one value from the agent to the sample."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Counters(msgspec.Struct, frozen=True, array_like=True):
    """None: it cannot be told. Bytes are those that its processes had read from disks and written; operations
    are of the whole disk below its directory, and what was received and sent of all the machine's network:
    nodes of one machine share them."""

    bytes_read: _Count | None = None
    bytes_written: _Count | None = None
    reads: _Count | None = None
    writes: _Count | None = None
    received: _Count | None = None
    sent: _Count | None = None
