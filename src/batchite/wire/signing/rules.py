"""What shared key has in common in the Batch and the storage services."""

from __future__ import annotations

from batchite.wire.ticks import Duration

MAX_SKEW = Duration.of(minutes=15)
"""How far the time of a request may be from the service's."""

SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
"""Their values are signed in this order, an empty line for one that is not there."""

UNSIGNED_BODY = "transfer-encoding"
"""A body with this header comes without Content-Length: what was signed is a request without a body, to which
anybody may have added one."""
