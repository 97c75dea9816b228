"""Applications, of which nodes are given packages."""

from __future__ import annotations

from batchite.wire.batch.models.fields import Model


class BatchApplication(Model, frozen=True, kw_only=True):
    """One with packages that can be used, by their versions."""

    id: str
    display_name: str
    versions: tuple[str, ...]
