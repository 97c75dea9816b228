"""Get and Set Container ACL: stored access policies, and what anybody may read."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.blobs.answers import XML, Answer, changed, version_headers
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import access_headers, existing
from batchite.store.blobs import containers as rows
from batchite.wire.blob import checksums, leases, policies


async def get(service: Service, call: Call) -> Answer:
    container = await service.database.look(lambda connection: existing(connection, call))
    leases.check_read(container.lease, call.lease_id, service.clock.now().ticks, "Container")
    call.conditions.check_read(container.modified)
    shown = [*version_headers(container.modified), *access_headers(container), *XML]
    return Answer(200, shown, policies.write(policies.decode(container.stored_policies)))


async def set_(service: Service, call: Call) -> Answer:
    """Both are replaced: without a header there is no public access, without a body no policy."""
    access = policies.read_access(call.headers.get("x-ms-blob-public-access"))
    document = await call.incoming.body(policies.MAX_BODY_BYTES)
    checksums.check_document(call.headers, document)
    stored = policies.encode(policies.read(document))
    conditions = call.conditions

    def unit(connection: sa.Connection) -> int:
        container = existing(connection, call)
        conditions.check_change(container.modified)
        now = service.clock.now().ticks
        leases.check_read(container.lease, call.lease_id, now, "Container")
        rows.update(connection, container, now, access=access, policies=stored)
        return now

    return changed(200, await service.database.touch(unit))
