"""What an output file is called in its container, and in what is said of it."""

from __future__ import annotations

from typing import Final

from batchite.nodes.outputs.finding import Found

_FIRST_BYTE: Final = 0xDC00
_BYTES: Final = frozenset(chr(_FIRST_BYTE + byte) for byte in range(0x80, 0x100))
"""How bytes that are no text stand in names of files (PEP 383)."""


def blob_name(found: Found, path: str | None, *, is_wild: bool) -> str:
    """`path` is the blob's own name, or if several files may be meant the directory of all; without one the
    container is the directory."""
    name = legible(found.name)
    if not path:
        return name
    return f"{path.strip('/')}/{name}".lstrip("/") if is_wild else path.lstrip("/")


def legible(name: str) -> str:
    """With what is no text written as `%FF`, so that two names stay two."""
    return "".join(f"%{ord(one) - _FIRST_BYTE:02X}" if one in _BYTES else one for one in name)
