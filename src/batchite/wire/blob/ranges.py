"""The `Range` and `x-ms-range` headers."""

from __future__ import annotations

import re

import msgspec

from batchite.wire.blob.errors import BlobError

_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})?", re.ASCII)


class Span(msgspec.Struct, frozen=True):
    """Bytes `start` up to but not including `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.end - 1}/{size}"


class Wanted(msgspec.Struct, frozen=True):
    """A range as asked for; `last` is None for "to the end"."""

    first: int
    last: int | None

    def within(self, size: int) -> Span:
        """What there is of it. Raises BlobError InvalidRange if it begins behind the end."""
        if self.first >= size:
            raise BlobError("InvalidRange", headers=(("Content-Range", f"bytes */{size}"),))
        return Span(self.first, size if self.last is None else min(self.last + 1, size))


def parse(x_ms_range: str | None, plain_range: str | None) -> Wanted | None:
    """The range asked for; `x-ms-range` wins.

    None if there is none or it is of a form the service does not serve (several ranges, a suffix,
    another unit, the end before the start): such a header is ignored, as HTTP has it.
    """
    text = x_ms_range or plain_range
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    first, last = int(match[1]), int(match[2]) if match[2] else None
    return None if last is not None and last < first else Wanted(first, last)
