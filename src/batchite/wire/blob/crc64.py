"""The checksum of Azure Storage: CRC64 with the polynomial of NVMe.

A header shows its eight bytes with the lowest first, in base64; that is the order here too. The
library is imported at the first use: it takes longer than all the rest of a start.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

Buffer = bytes | bytearray | memoryview


@cache
def _function() -> Callable[[Buffer, int], int]:
    from awscrt import checksums  # type: ignore[import-untyped]

    found: Callable[[Buffer, int], int] = checksums.crc64nvme
    return found


def crc64(data: Buffer) -> bytes:
    """Of all of it at once."""
    return _function()(data, 0).to_bytes(8, "little")


class Crc64:
    """Of data that comes in pieces."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Buffer) -> None:
        self._value = _function()(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(8, "little")
