"""Tier, number of tags, copy and encryption of a blob, as lists show them."""

from __future__ import annotations

from collections.abc import Collection

from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.extras import Copied, Extras
from batchite.wire.blob import dates, tiers
from batchite.wire.blob.listings import Elements

_INFERRED: Elements = (("AccessTier", tiers.DEFAULT), ("AccessTierInferred", "true"))


def elements(blob: Blob, included: Collection[str]) -> Elements:
    """`included`: a copy is shown if that has `copy`."""
    if blob.stored_extras is None:
        return _INFERRED if blob.type == "block" else ()
    extras = blob.extras
    shown: list[tuple[str, str]] = [*_tier(blob, extras)]
    if extras.tags:
        shown.append(("TagCount", str(len(extras.tags))))
    if extras.key:
        shown.append(("CustomerProvidedKeySha256", extras.key))
    if extras.scope:
        shown.append(("EncryptionScope", extras.scope))
    if extras.copy is not None and "copy" in included:
        shown += _copy(extras.copy)
    return shown


def _tier(blob: Blob, extras: Extras) -> Elements:
    if blob.type != "block":
        return ()
    if not extras.tier:
        return _INFERRED
    changed = dates.http_date(extras.tier_changed or blob.created)
    return (("AccessTier", extras.tier), ("AccessTierChangeTime", changed))


def _copy(copy: Copied) -> Elements:
    shown = [
        ("CopyId", copy.id),
        ("CopyStatus", copy.status),
        ("CopySource", copy.source),
        ("CopyProgress", f"{copy.done}/{copy.total}"),
    ]
    if copy.completed:
        shown.append(("CopyCompletionTime", dates.http_date(copy.completed)))
    return [*shown, ("CopyStatusDescription", copy.description)] if copy.description else shown
