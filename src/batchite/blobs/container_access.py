"""Get and Set Container ACL: stored access policies, and what anybody may read."""

from __future__ import annotations

from batchite.blobs.answers import XML, Answer, version_headers
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import access_headers, change, existing
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
    return await change(service, call, access=access, policies=stored)
