"""Set Blob Tier. A blob that leaves the archive does so at once."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards
from batchite.blobs.answers import Answer, Headers
from batchite.blobs.call import Call, Service
from batchite.store.blobs import blobs as rows
from batchite.store.blobs.blobs import Blob
from batchite.wire.blob import dates, tiers
from batchite.wire.blob.errors import BlobError, missing_header


async def set_(service: Service, call: Call) -> Answer:
    """Neither time nor ETag of the blob change. Answers 202 for a blob that comes out of the archive."""
    text = call.headers.get(given.TIER)
    if not text:
        raise missing_header(given.TIER)
    tiers.check_priority(call.headers.get("x-ms-rehydrate-priority"))

    def unit(connection: sa.Connection) -> bool:
        blob = guards.existing(guards.find_slot(connection, call))
        now = service.clock.now().ticks
        tier = tiers.read(text, blob.type)
        guards.check_change(call, blob, now)
        rows.set_extras(connection, blob, msgspec.structs.replace(blob.extras, tier=tier, tier_changed=now))
        return blob.extras.is_archived and tier != tiers.ARCHIVE

    return Answer(202 if await service.database.touch(unit) else 200, [])


def headers(blob: Blob) -> Headers:
    """Only block blobs have a tier; one that nobody chose is shown as inferred."""
    if blob.type != "block":
        return []
    chosen = blob.extras.tier
    shown: Headers = [("x-ms-access-tier", chosen or tiers.DEFAULT)]
    if not chosen:
        return [*shown, ("x-ms-access-tier-inferred", "true")]
    return [*shown, ("x-ms-access-tier-change-time", dates.http_date(changed(blob)))]


def changed(blob: Blob) -> int:
    """When the blob got its tier."""
    return blob.extras.tier_changed or blob.created


def check_readable(blob: Blob) -> None:
    """Raises BlobError BlobArchived."""
    if blob.stored_extras is not None and blob.extras.is_archived:
        reason = "set its tier to Hot, Cool or Cold first; it is readable at once then"
        raise BlobError("BlobArchived", details=(("Reason", reason),))
