"""API versions; `NEWEST` is the one operations are written for."""

from __future__ import annotations

from batchite.wire.batch.versions.registry import Registry

NEWEST = "2025-06-01"

REGISTRY = Registry(NEWEST)
"""Every version this service speaks."""
