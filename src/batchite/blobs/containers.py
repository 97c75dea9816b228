"""Operations on containers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from batchite.blobs.answers import Answer, Headers, changed, metadata_headers, version_headers
from batchite.blobs.call import Call, Service
from batchite.store.blobs import containers as rows
from batchite.store.blobs.containers import Container
from batchite.wire.blob import address, dates, encryption, headers, leases, policies
from batchite.wire.blob.errors import BlobError, missing_header


async def create(service: Service, call: Call) -> Answer:
    address.check_container(call.address.container)
    access = policies.read_access(call.headers.get("x-ms-blob-public-access"))
    metadata = rows.encode_metadata(headers.metadata(call.metadata_headers))
    now = service.clock.now().ticks
    added = await service.database.touch(
        lambda connection: rows.add(
            connection, call.address.account, call.address.container, metadata, now, access
        )
    )
    if not added:
        raise BlobError("ContainerAlreadyExists")
    return changed(201, now)


async def properties(service: Service, call: Call) -> Answer:
    """Get Container Properties, and Get Container Metadata, which shows less."""
    container = await service.database.look(lambda connection: existing(connection, call))
    now = service.clock.now().ticks
    leases.check_read(container.lease, call.lease_id, now, "Container")
    call.conditions.check_read(container.modified)
    shown = [*version_headers(container.modified)]
    shown += metadata_headers(rows.decode_metadata(container.metadata).items())
    if call.query.get("comp") != "metadata":
        shown += [
            *leases.headers(container.lease, now),
            *access_headers(container),
            ("x-ms-default-encryption-scope", encryption.NO_SCOPE),
            ("x-ms-deny-encryption-scope-override", "false"),
            ("x-ms-has-immutability-policy", "false"),
            ("x-ms-has-legal-hold", "false"),
            ("x-ms-immutable-storage-with-versioning-enabled", "false"),
        ]
    return Answer(200, shown)


async def set_metadata(service: Service, call: Call) -> Answer:
    metadata = rows.encode_metadata(headers.metadata(call.metadata_headers))
    return await change(service, call, metadata=metadata)


async def change(service: Service, call: Call, **columns: Any) -> Answer:
    """Change columns of the container. A lease need not be named, but if one is, it has to be that of the
    container."""
    conditions = call.conditions

    def unit(connection: sa.Connection) -> int:
        container = existing(connection, call)
        conditions.check_change(container.modified)
        now = service.clock.now().ticks
        leases.check_read(container.lease, call.lease_id, now, "Container")
        rows.update(connection, container, now, **columns)
        return now

    return changed(200, await service.database.touch(unit))


async def delete(service: Service, call: Call) -> Answer:
    conditions = call.conditions

    def unit(connection: sa.Connection) -> list[int]:
        container = existing(connection, call)
        conditions.check_change(container.modified)
        now = service.clock.now().ticks
        leases.check_change(container.lease, call.lease_id, now, "Container")
        return rows.delete(connection, call.address.account, container.number, now)

    service.content.disposal.dispose(await service.database.write(unit))
    return Answer(202, [])


async def undelete(service: Service, call: Call) -> Answer:
    """Restore Container: one that was deleted softly, under its own name or another."""
    name = call.address.container
    address.check_container(name)
    deleted_name = call.headers.get("x-ms-deleted-container-name") or name
    version = call.headers.get("x-ms-deleted-container-version")
    if not version:
        raise missing_header("x-ms-deleted-container-version")
    deleted = dates.read_deleted_version("x-ms-deleted-container-version", version)

    def unit(connection: sa.Connection) -> int:
        now = service.clock.now().ticks
        account = call.address.account
        found = rows.find_deleted(connection, account, deleted_name, deleted, now)
        if found is None:
            raise BlobError("ContainerNotFound")
        if rows.find(connection, account, name) is not None:
            raise BlobError("ContainerAlreadyExists")
        rows.restore(connection, found.number, name, now)
        return now

    return changed(201, await service.database.touch(unit))


def access_headers(container: Container) -> Headers:
    """Nothing for a private container."""
    return [] if container.access is None else [("x-ms-blob-public-access", container.access)]


def existing(connection: sa.Connection, call: Call) -> Container:
    """Raises BlobError ContainerNotFound."""
    container = rows.find(connection, call.address.account, call.address.container)
    if container is None:
        raise BlobError("ContainerNotFound")
    return container
