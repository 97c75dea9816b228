"""Pages of a list that do not fill the memory, however large the resources are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

PAGE_BYTES = 16 * 1024 * 1024
"""A page ends with the definition that goes beyond this, if it has another before."""


def read(rows: Iterable[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """The rows, only as many as a page may have; the rest is left unread."""
    found: list[sa.Row[Any]] = []
    size = 0
    for row in rows:
        found.append(row)
        size += len(row.definition)
        if size > PAGE_BYTES and len(found) > 1:
            break
    return found


def limit(rows: list[sa.Row[Any]], wanted: int) -> int:
    """How many of the rows read are to be shown: if they are large, all but the last, which tells that
    there are more."""
    large = sum(len(row.definition) for row in rows) > PAGE_BYTES
    return min(wanted, len(rows) - 1) if large and len(rows) > 1 else wanted
