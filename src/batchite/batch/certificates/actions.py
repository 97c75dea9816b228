"""What can be done with certificates."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.resources.certificates import CertificateRow, in_use, row
from batchite.store.batch import certificates
from batchite.store.batch.pages import Part, Wanted
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.pools import BatchPoolCreateOptions


async def add(acting: Acting, thumbprint: str, public_data: bytes | None) -> None:
    """Raises CertificateExists."""
    new = row(acting.account, thumbprint, public_data, acting.now)
    if not await acting.services.database.write(lambda connection: certificates.add(connection, new)):
        raise BatchError("CertificateExists")


async def find(acting: Acting, thumbprint: str) -> CertificateRow:
    """Raises CertificateNotFound."""
    return await acting.read(lambda connection: _found(connection, acting, thumbprint))


async def page(acting: Acting, wanted: Wanted) -> Part[CertificateRow]:
    return await acting.read(lambda connection: certificates.page(connection, acting.account, wanted))


async def delete(acting: Acting, thumbprint: str) -> None:
    """Done at once, unless pools refer to it: then it shows why it is there still. Raises
    CertificateNotFound."""

    def make(connection: sa.Connection) -> None:
        found = _found(connection, acting, thumbprint, to_change=True)
        if users := _users(connection, acting.account, thumbprint):
            certificates.move(connection, found.certificate_no, "deletefailed", acting.now, in_use(users))
        else:
            certificates.remove(connection, found.certificate_no)

    await acting.services.database.write(make)


async def cancel_deletion(acting: Acting, thumbprint: str) -> None:
    """Of one whose deletion has failed. Raises CertificateNotFound and CertificateStateActive."""

    def make(connection: sa.Connection) -> None:
        found = _found(connection, acting, thumbprint, to_change=True)
        if found.state != "deletefailed":
            raise BatchError("CertificateStateActive", "Nobody is deleting it.")
        certificates.move(connection, found.certificate_no, "active", acting.now)

    await acting.services.database.write(make)


def _found(
    connection: sa.Connection, acting: Acting, thumbprint: str, *, to_change: bool = False
) -> CertificateRow:
    found = certificates.find(connection, acting.account, thumbprint, to_change=to_change)
    if found is None:
        raise BatchError("CertificateNotFound")
    return found


def _users(connection: sa.Connection, account: str, thumbprint: str) -> Sequence[str]:
    """Ids of the pools that refer to it."""
    return [
        pool_id
        for pool_id, definition in certificates.pool_definitions(connection, account)
        if thumbprint.encode() in definition.lower() and thumbprint in _referred(definition)
    ]


def _referred(definition: bytes) -> set[str]:
    references = codec.decode(definition, BatchPoolCreateOptions).certificate_references or ()
    return {reference.thumbprint.lower() for reference in references}
