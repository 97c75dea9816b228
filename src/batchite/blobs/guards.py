"""What must hold before an operation touches a blob: leases and conditional headers, in one place.

Call these within the read or unit that does the operation, with the time it is done at.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from batchite.blobs import given
from batchite.blobs.call import Call
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Blob, Slot, Type
from batchite.wire.blob import conditions, leases
from batchite.wire.blob.errors import BlobError, invalid_header, invalid_parameter
from batchite.wire.blob.headers import TYPES

_SOURCE_LEASE, _SOURCE_IF_TAGS = "x-ms-source-lease-id", "x-ms-source-if-tags"
_CONDITIONAL = frozenset({"x-ms-lease-id", given.IF_TAGS, _SOURCE_LEASE, _SOURCE_IF_TAGS}).union(
    *conditions.FORMS.values()
)
_READING = frozenset({"GET", "HEAD"})


def check_form(call: Call) -> None:
    """For conditions, leases and time limits that are none, whatever exists. Raises BlobError: 400."""
    headers = call.headers
    timeout = call.query.get("timeout")
    if timeout and not (timeout.isascii() and timeout.isdigit()):
        raise invalid_parameter("timeout", timeout, "a whole number of seconds")
    if headers.keys().isdisjoint(_CONDITIONAL):
        return
    for prefix in conditions.FORMS:
        conditions.parse(headers, prefix)
    _check_source_form(headers)
    if call.incoming.verb not in _READING:
        conditions.check_combination(headers)
        conditions.check_combination(headers, conditions.OF_TAGS)
    if lease_id := headers.get("x-ms-lease-id"):
        leases.read_id("x-ms-lease-id", lease_id)
    given.if_tags(call)


def _check_source_form(headers: Mapping[str, str]) -> None:
    if headers.get("x-ms-source-if-none-match") == "*":
        raise invalid_header("x-ms-source-if-none-match", "*", "an ETag; a source is there in any case")
    if lease_id := headers.get(_SOURCE_LEASE):
        leases.read_id(_SOURCE_LEASE, lease_id)
    if text := headers.get(_SOURCE_IF_TAGS):
        given.read_if_tags(_SOURCE_IF_TAGS, text)


def find_slot(connection: sa.Connection, call: Call) -> Slot:
    """The place which the request names, with the snapshot or version if it names one.

    Raises BlobError ContainerNotFound.
    """
    names = call.address
    slot = rows.find(connection, names.account, names.container, names.blob, call.wanted)
    if slot is None:
        raise BlobError("ContainerNotFound")
    return slot


def existing(slot: Slot) -> Blob:
    """Raises BlobError BlobNotFound."""
    if slot.blob is None:
        raise BlobError("BlobNotFound")
    return slot.blob


def check_type(blob: Blob, *types: Type) -> None:
    """Raises BlobError InvalidBlobType."""
    if blob.type not in types:
        reason = f"the blob is of type {TYPES[blob.type]}"
        raise BlobError("InvalidBlobType", details=(("Reason", reason),))


def check_read(call: Call, blob: Blob, now: int) -> None:
    """For reading. Raises BlobError: 304, 412, 409 or 400."""
    check_look(call, blob, now)
    given.check_key(call, blob)


def check_look(call: Call, blob: Blob, now: int) -> None:
    """For reading what no client's key hides: of which blocks or pages a blob consists. Raises BlobError as
    `check_read`."""
    if call.lease_id is not None:
        leases.check_read(blob.lease, call.lease_id, now)
    call.conditions.check_read(blob.modified)
    given.check_if_tags(call, blob)


def check_change(call: Call, blob: Blob, now: int, *, star: bool = False) -> None:
    """For changing or deleting what exists; `star` as in conditions. Raises BlobError: 412, 409 or 400."""
    call.conditions.check_change(blob.modified, star=star)
    given.check_if_tags(call, blob)
    check_copying(blob)
    check_lease(call, blob, now)


def check_lease(call: Call, blob: Blob, now: int) -> None:
    """For changing what may be leased. Raises BlobError 412."""
    if blob.stored_lease is not None or call.lease_id is not None:
        leases.check_change(blob.lease, call.lease_id, now)


def check_copying(blob: Blob) -> None:
    """Raises BlobError PendingCopyOperation."""
    if blob.stored_extras is not None and blob.extras.is_copying:
        reason = "wait until the copy has ended, or abort it"
        raise BlobError("PendingCopyOperation", details=(("Reason", reason),))


def check_put(call: Call, slot: Slot, now: int) -> None:
    """For creating or replacing. Raises BlobError: 412, 409 or 403.

    Of a leased blob `If-None-Match: *` says nothing: whoever has the lease knows that it exists.
    """
    blob, wanted = slot.blob, call.conditions
    if blob is not None and wanted.wants_nothing and leases.locked(blob.lease, now):
        check_lease(call, blob, now)
        wanted = conditions.NONE
    wanted.check_put(blob.modified if blob else None)
    given.check_if_tags(call, blob)
    check_stage(call, slot, now)


def check_stage(call: Call, slot: Slot, now: int) -> None:
    """For what knows no conditions: staging a block. Raises BlobError 412 or 403."""
    blob = slot.blob
    if blob is not None:
        check_copying(blob)
    if blob is not None and not call.may_replace:
        reason = "the token may create (c) but not overwrite (w), and the blob exists"
        raise BlobError("AuthorizationPermissionMismatch", details=(("Reason", reason),))
    if call.lease_id is not None or (blob is not None and blob.stored_lease is not None):
        leases.check_change(blob.lease if blob else None, call.lease_id, now)


def check_overwrite(connection: sa.Connection, call: Call, slot: Slot, kind: Type) -> None:
    """Raises BlobError SnapshotsPresent where a blob of another type has snapshots."""
    blob = slot.blob
    if blob is None or blob.type == kind:
        return
    if kept.has_snapshots(connection, slot, call.address.blob):
        reason = f"its snapshots are of type {TYPES[blob.type]}; delete them first"
        raise BlobError("SnapshotsPresent", details=(("Reason", reason),))
