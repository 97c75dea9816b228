"""Whole numbers in headers."""

from __future__ import annotations

from batchite.wire.blob.errors import invalid_header

MAX = 2**63 - 1


def read_foreign(text: str | None) -> int:
    """As another service says it: 0 for what is no such number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def read(name: str, text: str | None) -> int | None:
    """None if absent. Raises BlobError InvalidHeaderValue unless from 0 to 2^63 - 1."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > MAX:
        raise invalid_header(name, text, "a whole number from 0 to 2^63 - 1")
    return int(text)
