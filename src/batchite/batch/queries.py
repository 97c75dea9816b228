"""Query parameters of a request: names without regard to case, only those the operation takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchite.wire.batch.errors import BatchError, invalid_query, out_of_range_query

COMMON = frozenset({"api-version", "timeout"})
"""Taken by every operation."""

MAX_TIMEOUT_SECONDS = 30
"""A longer `timeOut` counts as this one."""

_TRUTHS = {"true": True, "false": False}


def parse(pairs: Iterable[tuple[str, str]], supported: frozenset[str]) -> dict[str, str]:
    """The parameters by lower-case name; empty ones count as absent. Raises BatchError."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if key not in supported and key not in COMMON:
            values = (("QueryParameterName", name[:100]), ("QueryParameterValue", value[:100]))
            detail = f"{name[:100]!r} is not a parameter of this operation; leave it out."
            raise BatchError("UnsupportedQueryParameter", detail, values)
        if key in found:
            raise invalid_query(name, value, "is given more than once")
        found[key] = value
    found = {name: value for name, value in found.items() if value}
    if "timeout" in found:
        whole(found, "timeout", 1, None, MAX_TIMEOUT_SECONDS)
    return found


def whole(found: Mapping[str, str], name: str, low: int, high: int | None, default: int) -> int:
    """The parameter as a number from `low` to `high`. Raises BatchError."""
    text = found.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid_query(name, text, "is not a whole number")
    if int(text) < low or (high is not None and int(text) > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise out_of_range_query(name, text, f"has to be {limits}")
    return int(text)


def truth(found: Mapping[str, str], name: str) -> bool:
    """The parameter as a boolean, false if absent. Raises BatchError."""
    text = found.get(name, "false")
    if text.lower() not in _TRUTHS:
        raise invalid_query(name, text, "is neither true nor false")
    return _TRUTHS[text.lower()]
