"""Tier, number of tags, copy and encryption of a blob, as lists show them."""

from __future__ import annotations

from collections.abc import Collection

from batchite.blobs import tiering
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.extras import Copied
from batchite.wire.blob import dates
from batchite.wire.blob.listings import Elements


def elements(blob: Blob, included: Collection[str], now: int) -> Elements:
    """`included`: a copy is shown if that has `copy`."""
    shown = [*tiering.elements(blob, now)]
    if blob.stored_extras is None:
        return shown
    extras = blob.extras
    if extras.tags:
        shown.append(("TagCount", str(len(extras.tags))))
    if extras.key:
        shown.append(("CustomerProvidedKeySha256", extras.key))
    if extras.scope:
        shown.append(("EncryptionScope", extras.scope))
    if extras.copy is not None and "copy" in included:
        shown += _copy(extras.copy)
    return shown


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
