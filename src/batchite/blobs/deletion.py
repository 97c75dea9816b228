"""Delete Blob, of blobs, snapshots and versions, and Undelete Blob."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from batchite.blobs import guards, tiering
from batchite.blobs.answers import Answer
from batchite.blobs.call import Call, Service
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Blob, Slot
from batchite.store.blobs.kept import Snapshots
from batchite.wire.blob import conditions
from batchite.wire.blob.errors import BlobError, invalid_header, invalid_parameter

_CHOICES: Mapping[str, Snapshots] = {"": "refuse", "include": "include", "only": "only"}


async def delete(service: Service, call: Call) -> Answer:
    """Kept for a while, or as a version, if the account says so."""
    choice = _read_choice(call)
    permanent = _is_permanent(call)

    def unit(connection: sa.Connection) -> tuple[bool, list[int]]:
        slot = guards.find_slot(connection, call)
        now = service.clock.now().ticks
        if permanent:
            return True, _delete_deleted(connection, call, slot, now)
        blob = guards.existing(slot)
        _check(call, blob, now)
        if call.wanted.kind != "base":
            _refuse_current(call, blob)
            return kept.delete_one(connection, slot, blob, now)
        try:
            return kept.delete(connection, slot, blob, now, choice)
        except kept.SnapshotsLeft:
            reason = "delete them too (x-ms-delete-snapshots: include), or only them (only)"
            raise BlobError("SnapshotsPresent", details=(("Reason", reason),)) from None

    for_good, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return Answer(202, [("x-ms-delete-type-permanent", "true" if for_good else "false")])


def _check(call: Call, blob: Blob, now: int) -> None:
    """Raises BlobError if a condition or a lease is in the way."""
    guards.check_change(call, blob, now, star=True)
    conditions.parse(call.headers, conditions.OF_TIER).check_change(tiering.changed(blob, now))


def _read_choice(call: Call) -> Snapshots:
    given = call.headers.get("x-ms-delete-snapshots", "")
    if given not in _CHOICES:
        raise invalid_header("x-ms-delete-snapshots", given, "include or only")
    if given and call.wanted.kind != "base":
        raise invalid_header("x-ms-delete-snapshots", given, "not for one snapshot or version")
    return _CHOICES[given]


def _is_permanent(call: Call) -> bool:
    given = call.query.get("deletetype")
    if not given:
        return False
    if given.lower() != "permanent":
        raise invalid_parameter("deletetype", given, "permanent")
    if call.wanted.kind == "base":
        raise invalid_parameter("deletetype", given, "only for a deleted snapshot or version")
    return True


def _delete_deleted(connection: sa.Connection, call: Call, slot: Slot, now: int) -> list[int]:
    """What was deleted softly, for good, if the account permits that."""
    if not kept.may_delete_for_good(connection, call.address.account):
        reason = "the service's properties do not allow permanent deletion (AllowPermanentDelete)"
        raise BlobError("OperationNotAllowed", details=(("Reason", reason),))
    moment, kind = call.wanted
    blob = kept.find_deleted(connection, slot, call.address.blob, moment, kind, now)
    if blob is None:
        raise BlobError("BlobNotFound")
    _check(call, blob, now)
    return rows.delete_rows(connection, [blob])


def _refuse_current(call: Call, blob: Blob) -> None:
    if blob.kind == "base":
        reason = "this is the current version; delete the blob without versionid"
        raise invalid_parameter(
            "versionid", call.query["versionid"], reason, code="OperationNotAllowedOnRootBlob"
        )


async def undelete(service: Service, call: Call) -> Answer:
    """Undelete Blob: whatever of it was deleted and is still kept comes back."""

    def unit(connection: sa.Connection) -> None:
        slot = guards.find_slot(connection, call)
        try:
            kept.undelete(connection, slot, call.address.blob, service.clock.now().ticks)
        except kept.NothingThere:
            raise BlobError("BlobNotFound") from None

    await service.database.write(unit)
    return Answer(200, [])
