"""Snapshot Blob."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.blobs import given, guards
from batchite.blobs.answers import Answer, changed, version_id
from batchite.blobs.call import Call, Service
from batchite.store.blobs import kept
from batchite.store.blobs.containers import encode_metadata
from batchite.wire.blob import dates, headers, leases


async def snapshot(service: Service, call: Call) -> Answer:
    """Keep the present state under the present time; without a byte being moved.

    It needs no lease's id, since the blob is not changed; metadata given are the snapshot's alone. Where
    versions are kept, the present state becomes one as well.
    """
    metadata = encode_metadata(headers.metadata(call.metadata_headers))

    def unit(connection: sa.Connection) -> tuple[int, int, int | None]:
        slot = guards.find_slot(connection, call)
        blob = guards.existing(slot)
        now = service.clock.now().ticks
        call.conditions.check_change(blob.modified)
        given.check_if_tags(call, blob)
        given.check_key(call, blob)
        leases.check_read(blob.lease, call.lease_id, now)
        modified, version = kept.snapshot(connection, blob, now, metadata), blob.version
        if slot.versioning:
            version = service.clock.now().ticks  # a moment of its own, as everything kept beside a blob has
            kept.renew_version(connection, blob, version)
        return now, modified, version

    moment, modified, version = await service.database.touch(unit)
    shown = [("x-ms-snapshot", dates.moment(moment)), *version_id(version)]
    return changed(201, modified, *shown, ("x-ms-request-server-encrypted", "false"))  # it writes nothing
