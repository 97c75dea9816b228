"""Times in headers (RFC 1123), and ETags, which are made from times."""

from __future__ import annotations

from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

_TICKS_BEFORE_1970 = 621_355_968_000_000_000  # an ETag counts from year 1, as the real service's do


def etag(modified: int) -> str:
    """The ETag, with its quotes, of what was last changed at this tick."""
    return f'"0x{modified + _TICKS_BEFORE_1970:X}"'


@lru_cache(maxsize=1024)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def http_date(ticks: int) -> str:
    """As in `Last-Modified`; the fraction of the second is cut."""
    return _http_date(ticks // TICKS_PER_SECOND)


def parse_http_date(text: str) -> Timestamp:
    """Raises ValueError unless it is an HTTP date."""
    moment = parsedate_to_datetime(text)
    return Timestamp.from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def whole_seconds(ticks: int) -> int:
    return ticks // TICKS_PER_SECOND
