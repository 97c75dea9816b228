"""Times in headers (RFC 1123), and ETags, which are made from times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

from batchite.wire import http_dates
from batchite.wire.blob.errors import invalid_header, invalid_parameter
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

_DATE_CHARACTERS = 64  # what is longer is no date that comes again
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
    return _known_date(text) if len(text) <= _DATE_CHARACTERS else http_dates.read(text)


_known_date = lru_cache(maxsize=256)(http_dates.read)  # all requests of a second are signed with the same


def whole_seconds(ticks: int) -> int:
    return ticks // TICKS_PER_SECOND


def moment(ticks: int) -> str:
    """As snapshots and versions are named: always with seven digits of the second."""
    whole, fraction = divmod(ticks, TICKS_PER_SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:07d}Z"


def read_moment(name: str, text: str) -> int:
    """The tick that a snapshot or version is named by. Raises BlobError InvalidQueryParameterValue."""
    try:
        return Timestamp.parse(text).ticks
    except ValueError:
        raise invalid_parameter(name, text, "a time such as 2026-01-31T12:00:00.0000001Z") from None


def deleted_version(ticks: int) -> str:
    """What tells one deleted container from others of its name: the time it was deleted at."""
    return f"{ticks:016X}"


def read_deleted_version(name: str, text: str) -> int:
    """Raises BlobError InvalidHeaderValue."""
    if not re.fullmatch(r"[0-7][0-9A-Fa-f]{15}", text, re.ASCII):  # below 2^63
        raise invalid_header(name, text, "the Version that a list with include=deleted shows")
    return int(text, 16)
