"""`ocp-range`: which bytes of a file are asked for."""

from __future__ import annotations

import re

from batchite.wire.batch.errors import BatchError, invalid_header

HEADER = "ocp-range"

_RANGE = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?", re.ASCII)


def parse(text: str | None, size: int) -> tuple[int, int]:
    """Offset and length of what is asked for of a file of `size` bytes: the whole file without a range.

    Raises BatchError: InvalidHeaderValue for what is no range, InvalidRange for one outside of the file.
    """
    if text is None:
        return 0, size
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        raise invalid_header(HEADER, text, "is not a range such as bytes=0-1023")
    if match[1] is None:
        first, last = max(size - int(match[2]), 0), size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    if first >= size or last < first:
        raise BatchError("InvalidRange", f"The file has {size} bytes and the range is {text[:50]}.")
    return first, last - first + 1
