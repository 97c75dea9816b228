"""With which errors pools refuse to be changed."""

from __future__ import annotations

from typing import Final

from batchite.batch.changing import Refusals

REFUSALS: Final = Refusals("PoolNotFound", "PoolExists", {"deleting": "PoolBeingDeleted"})
