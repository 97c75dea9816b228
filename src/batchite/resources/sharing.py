"""By what jobs share the slots of their pool, where an operator has named a metadata item for that.

It is read from definitions when an owner takes up a shard or a job changes, so another name holds for all
jobs from the next start on, and nothing is stored for it.
"""

from __future__ import annotations

import msgspec


class _Item(msgspec.Struct, gc=False):
    name: str
    value: str


class _Defined(msgspec.Struct, gc=False):
    metadata: tuple[_Item, ...] | None = None


_decoder = msgspec.json.Decoder(_Defined)


def tag(definition: bytes, name: str) -> str | None:
    """The value of the job's metadata item of that name, the first of several; None: it has none."""
    items = _decoder.decode(definition).metadata or ()
    return next((item.value for item in items if item.name == name), None)
