"""API versions; `NEWEST` is the one operations are written for."""

from __future__ import annotations

from batchite.wire.batch.versions.registry import Registry, Version

NEWEST = "2025-06-01"

REGISTRY = Registry(NEWEST)
"""Every version this service speaks."""


def resolve(text: str | None) -> Version:
    """The version a request names. Raises BatchError (missing or unknown)."""
    return REGISTRY.resolve(text)
