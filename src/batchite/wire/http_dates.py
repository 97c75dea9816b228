"""Dates in headers, as HTTP has them."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from batchite.wire.ticks import Timestamp


def read(text: str) -> Timestamp:
    """A date such as Sat, 31 Jan 2026 12:00:00 GMT; without a zone it is one of UTC. Raises ValueError."""
    try:
        moment = parsedate_to_datetime(text)
        return Timestamp.from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (IndexError, OverflowError, TypeError):  # what no calendar has
        raise ValueError("not a date of HTTP such as Sat, 31 Jan 2026 12:00:00 GMT") from None
