"""Operations on an account's service as a whole: properties, stats, information, delegation keys."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.blobs.answers import XML, Answer
from batchite.blobs.call import Call, Service
from batchite.store.blobs import containers
from batchite.store.blobs import services as rows
from batchite.wire.blob import checksums, dates, service_properties, websites
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import NEWEST_VERSION
from batchite.wire.signing import delegation


async def get_properties(service: Service, call: Call) -> Answer:
    """Get Blob Service Properties."""
    found = await service.database.look(lambda connection: rows.find(connection, call.address.account))
    return Answer(200, XML, service_properties.write(found))


async def set_properties(service: Service, call: Call) -> Answer:
    """Set Blob Service Properties: what the document leaves out stays as it is. A website that is switched
    on finds its container."""
    document = await call.incoming.body(service_properties.MAX_BODY_BYTES)
    checksums.check_document(call.headers, document)
    change = service_properties.read(document)
    account = call.address.account

    def unit(connection: sa.Connection) -> None:
        rows.save(connection, account, change.apply(rows.find(connection, account)))
        if change.website is not None and change.website.enabled:
            now = service.clock.now().ticks
            containers.add(connection, account, websites.CONTAINER, None, now, None)

    await service.database.touch(unit)
    return Answer(202, [])


async def stats(service: Service, call: Call) -> Answer:
    """Get Blob Service Stats. The secondary reads the same database, so it is never behind."""
    if not call.address.secondary:
        raise BlobError("InvalidQueryParameterValue", details=_only_secondary(call.address.account))
    return Answer(200, XML, service_properties.stats(dates.http_date(service.clock.wall().ticks)))


def _only_secondary(account: str) -> tuple[tuple[str, str], ...]:
    reason = f"statistics of the replication are at the secondary endpoint only: {account}-secondary"
    return (("QueryParameterName", "comp"), ("QueryParameterValue", "stats"), ("Reason", reason))


async def information(_service: Service, _call: Call) -> Answer:
    """Get Account Information, on the service, a container or a blob, whether that exists or not."""
    return Answer(
        200,
        [
            ("x-ms-sku-name", "Standard_RAGRS"),
            ("x-ms-account-kind", "StorageV2"),
            ("x-ms-is-hns-enabled", "false"),
        ],
    )


async def delegation_key(service: Service, call: Call) -> Answer:
    """Get User Delegation Key, for the user of the bearer token."""
    identity = call.principal.identity
    if identity is None:
        raise BlobError("NoAuthenticationInformation")
    document = await call.incoming.body(delegation.MAX_BODY_BYTES)
    version = call.headers.get("x-ms-version") or NEWEST_VERSION
    info = delegation.request(document, identity, version, service.clock.wall())
    return Answer(
        200, XML, delegation.write(info, delegation.value(info, identity.role, call.account.keys[0]))
    )
