"""Queries on what an account decides for its whole Blob service."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from batchite.store.blobs.schema import services as table
from batchite.wire.blob.service_properties import Retention, ServiceProperties

_decoder = msgspec.json.Decoder(ServiceProperties)


def find(connection: sa.Connection, account: str) -> ServiceProperties:
    """The defaults if nothing was ever set."""
    row = connection.execute(sa.select(table).where(table.c.account == account)).one_or_none()
    if row is None:
        return ServiceProperties()
    others = _decoder.decode(row.properties) if row.properties else ServiceProperties()
    return msgspec.structs.replace(
        others,
        versioning=row.versioning,
        blob_retention=Retention(row.blob_retention, row.permanent_delete),
        container_retention=Retention(row.container_retention),
    )


def save(connection: sa.Connection, account: str, properties: ServiceProperties) -> None:
    others = msgspec.structs.replace(
        properties, versioning=False, blob_retention=Retention(), container_retention=Retention()
    )
    connection.execute(sa.delete(table).where(table.c.account == account))
    connection.execute(
        sa.insert(table),
        {
            "account": account,
            "versioning": properties.versioning,
            "blob_retention": properties.blob_retention.days,
            "container_retention": properties.container_retention.days,
            "permanent_delete": properties.blob_retention.permanent_delete,
            "properties": msgspec.json.encode(others),
        },
    )
