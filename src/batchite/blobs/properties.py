"""Set Blob Metadata and Set Blob Properties."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards, pages, tiering
from batchite.blobs.answers import Answer, changed, version_id
from batchite.blobs.call import Call, Service
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import extras, kept
from batchite.store.blobs.containers import encode_metadata
from batchite.wire.blob import headers
from batchite.wire.blob import pages as page_rules


async def set_metadata(service: Service, call: Call) -> Answer:
    """All metadata are replaced. Where versions are kept, the old state becomes one."""
    metadata = encode_metadata(headers.metadata(call.metadata_headers))

    def unit(connection: sa.Connection) -> tuple[int, int | None]:
        slot = guards.find_slot(connection, call)
        blob = guards.existing(slot)
        now = service.clock.now().ticks
        guards.check_change(call, blob, now)
        given.check_key(call, blob)
        tiering.check_readable(blob, now)
        return now, kept.change(connection, slot, blob, now, metadata=metadata)

    modified, version = await service.database.touch(unit)
    return changed(200, modified, *version_id(version), *given.encrypted(call))


async def set_properties(service: Service, call: Call) -> Answer:
    """Set Blob Properties: all are replaced, those not given are cleared, the content type as well.

    A request that changes the size or the sequence number of a page blob, and gives no properties,
    leaves them as they are. That the blob was copied is forgotten.
    """
    properties = headers.blob_properties(call.headers, start=headers.NOT_DESCRIBED)
    paging = page_rules.read_change(call.headers)

    def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
        blob = guards.existing(guards.find_slot(connection, call))
        now = service.clock.now().ticks
        guards.check_change(call, blob, now, star=True)
        tiering.check_readable(blob, now)
        fields = extras.encode(msgspec.structs.replace(blob.extras, copy=None))
        blob = blob._replace(stored_extras=fields)
        columns, condemned = pages.apply_change(connection, blob, paging)
        columns.setdefault("extras", fields)
        if not paging.given or properties != headers.NOT_DESCRIBED:
            columns["properties"] = rows.encode_properties(properties)
        rows.update(connection, blob, now, **columns)
        sequence = paging.next_sequence(blob.extras.sequence) if blob.type == "page" else None
        return now, sequence, condemned

    modified, sequence, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return changed(200, modified, *([] if sequence is None else [(page_rules.SEQUENCE, str(sequence))]))
