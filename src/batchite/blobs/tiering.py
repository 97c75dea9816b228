"""Set Blob Tier, and what a blob shows of its tier. Leaving the archive takes a while, as a setting says."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from batchite.blobs import guards
from batchite.blobs.answers import Answer, Headers
from batchite.blobs.call import Call, Service
from batchite.store.blobs import blobs as rows
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.extras import NONE, Extras, Rehydration
from batchite.wire.blob import dates, tiers
from batchite.wire.blob.errors import BlobError, missing_header
from batchite.wire.blob.listings import Elements

_HEADERS: Mapping[str, str] = {
    "AccessTier": tiers.HEADER,
    "AccessTierInferred": "x-ms-access-tier-inferred",
    "AccessTierChangeTime": "x-ms-access-tier-change-time",
    "ArchiveStatus": "x-ms-archive-status",
    "RehydratePriority": "x-ms-rehydrate-priority",
    "SmartAccessTier": "x-ms-smart-access-tier",
}
"""Elements of lists, and the headers that say the same."""
_INFERRED: Elements = (("AccessTier", tiers.DEFAULT), ("AccessTierInferred", "true"))


async def set_(service: Service, call: Call) -> Answer:
    """Neither time nor ETag of the blob change. Answers 202 for a blob that leaves the archive."""
    text = call.headers.get(tiers.HEADER)
    if not text:
        raise missing_header(tiers.HEADER)
    priority = tiers.read_priority(call.headers)

    def unit(connection: sa.Connection) -> bool:
        blob = guards.existing(guards.find_slot(connection, call))
        now = service.clock.now().ticks
        tier = tiers.read(text, blob.type)
        guards.check_change(call, blob, now)
        present = blob.extras.at(now)
        leaves = present.is_archived and tier != tiers.ARCHIVE
        if leaves and service.rehydration:
            changed = _on_its_way(present, Rehydration(tier, now + service.rehydration, priority))
        else:
            _check_resting(present)
            changed = msgspec.structs.replace(present, tier=tier, tier_changed=now)
        rows.set_extras(connection, blob, changed)
        return leaves

    return Answer(202 if await service.database.touch(unit) else 200, [])


def _on_its_way(present: Extras, asked: Rehydration) -> Extras:
    """A blob that is leaving the archive already can get a higher priority, and nothing else."""
    moving = present.rehydration or asked
    if moving.to != asked.to:
        _check_resting(present)
    if asked.priority == tiers.HIGH:
        moving = msgspec.structs.replace(moving, priority=tiers.HIGH)
    return msgspec.structs.replace(present, rehydration=moving)


def _check_resting(present: Extras) -> None:
    """Raises BlobError BlobBeingRehydrated."""
    if present.rehydration is not None:
        reason = f"the blob is on its way to the tier {present.rehydration.to}; wait until it is there"
        raise BlobError("BlobBeingRehydrated", details=(("Reason", reason),))


def elements(blob: Blob, now: int) -> Elements:
    """The tier, as lists show it; one that nobody chose is said to be inferred."""
    extras = NONE if blob.stored_extras is None else blob.extras.at(now)
    if not extras.tier:
        return _INFERRED if blob.type == "block" else ()
    shown = [("AccessTier", extras.tier), ("AccessTierChangeTime", dates.http_date(changed(blob, now)))]
    if extras.rehydration is not None:
        shown.append(("ArchiveStatus", f"rehydrate-pending-to-{extras.rehydration.to.lower()}"))
        shown.append(("RehydratePriority", extras.rehydration.priority))
    if extras.tier == tiers.SMART:
        shown.append(("SmartAccessTier", tiers.DEFAULT))
    return shown


def headers(blob: Blob, now: int) -> Headers:
    """The same when the blob is read."""
    return [(_HEADERS[name], text) for name, text in elements(blob, now)]


def changed(blob: Blob, now: int) -> int:
    """When the blob got its tier."""
    return blob.extras.at(now).tier_changed or blob.created


def check_readable(blob: Blob, now: int) -> None:
    """Raises BlobError BlobArchived."""
    if blob.stored_extras is None or not blob.extras.at(now).is_archived:
        return
    reason = "set its tier to Hot, Cool or Cold first, and wait until it has it"
    raise BlobError("BlobArchived", details=(("Reason", reason),))
