"""One request to the Blob service, read and authorised, and what serving it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from batchite.blobs.authentication import KnownAccount
from batchite.blobs.content.store import ContentStore
from batchite.blobs.origins import Origins
from batchite.store.blobs.blobs import BASE, Wanted
from batchite.store.database import Database
from batchite.web.principal import Principal
from batchite.web.request import Incoming
from batchite.wire.blob import conditions, dates, leases
from batchite.wire.blob.address import Address
from batchite.wire.blob.conditions import Conditions
from batchite.wire.blob.cors import CorsRule
from batchite.wire.blob.errors import invalid_parameter
from batchite.wire.blob.headers import METADATA_PREFIX
from batchite.wire.ticks import Clock

if TYPE_CHECKING:
    from batchite.blobs.answers import Answer
    from batchite.blobs.copying import Copying


@dataclass(frozen=True, slots=True)
class Service:
    """What operations work with."""

    database: Database
    content: ContentStore
    clock: Clock
    accounts: Mapping[str, KnownAccount]
    host_suffixes: tuple[str, ...]
    origins: Origins
    pages: CorsRule
    """for the service's own pages"""
    copying: Copying
    rehydration: int
    """ticks that a blob takes to leave the archive tier"""
    serve: Callable[[Incoming, list[tuple[str, str]]], Awaitable[Answer]]
    """Answers another request; the list receives the headers of every answer to it"""


class Call(msgspec.Struct, frozen=True):
    """Header names are in lower case and values of one name joined by commas; of a query parameter
    the first value counts."""

    incoming: Incoming
    address: Address
    headers: Mapping[str, str]
    query: Mapping[str, str]
    principal: Principal
    account: KnownAccount

    @property
    def account_url(self) -> str:
        """The account's own URL in the form in which it was addressed, without a slash at the end."""
        return self.incoming.base_url + self.address.account_path

    @property
    def conditions(self) -> Conditions:
        """Raises BlobError."""
        return conditions.parse(self.headers)

    @property
    def wanted(self) -> Wanted:
        """The base blob, or the snapshot or version that the query names. Raises BlobError."""
        snapshot, version = self.query.get("snapshot"), self.query.get("versionid")
        if snapshot and version:
            raise invalid_parameter("versionid", version, "not together with snapshot")
        if snapshot:
            return Wanted(dates.read_moment("snapshot", snapshot), "snapshot")
        return Wanted(dates.read_moment("versionid", version), "version") if version else BASE

    @property
    def lease_id(self) -> str | None:
        """The lease that the client claims to have. Raises BlobError."""
        given = self.headers.get("x-ms-lease-id")
        return leases.read_id("x-ms-lease-id", given) if given else None

    @property
    def may_replace(self) -> bool:
        """Whether what exists may be overwritten; a SAS may allow to create only."""
        return not self.principal.roles.isdisjoint({"owner", "w"})

    @property
    def metadata_headers(self) -> list[tuple[str, str]]:
        """Those with metadata, under the names as the client spelled them."""
        return [
            (METADATA_PREFIX + self.incoming.spelled(name)[len(METADATA_PREFIX) :], value)
            for name, value in self.headers.items()
            if name.startswith(METADATA_PREFIX)
        ]
