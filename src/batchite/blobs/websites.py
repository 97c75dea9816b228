"""An account's static website: the blobs of its container $web, for anybody to read.

Of a request only verb, path, range and conditions count: there are no operations, no credentials, no
versions, and pages of other origins are told nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from batchite.blobs import downloads
from batchite.blobs.answers import Answer
from batchite.blobs.authentication import KnownAccount
from batchite.blobs.call import Call, Service
from batchite.store.blobs import services as rows
from batchite.web.principal import Principal
from batchite.web.request import Incoming
from batchite.wire.blob import address, conditions, websites
from batchite.wire.blob.address import Address
from batchite.wire.blob.errors import BlobError
from batchite.wire.cloud import SECONDARY

_SERVED = ("GET", "HEAD")
_HEEDED = frozenset({"range", *conditions.NAMES})
_NOT_FOUND = "WebContentNotFound"


async def serve(service: Service, incoming: Incoming, host_account: str) -> Answer:
    """What the website of the account, which is named as in a host, shows. Raises BlobError."""
    name = host_account.removesuffix(SECONDARY)
    account = service.accounts.get(name)
    if account is None:
        raise _not_found(f"there is no storage account {name[:100]!r} here")
    website = (await service.database.look(lambda connection: rows.find(connection, name))).website
    if not website.enabled:
        raise _not_found("the account has no static website; Set Blob Service Properties switches it on")
    if incoming.verb not in _SERVED:
        raise BlobError("UnsupportedHttpVerb", headers=(("Allow", ", ".join(_SERVED)),))
    path = address.decode(address.with_slashes(incoming.raw_path).removeprefix("/"))
    heeded = {name: value for name, value in incoming.headers.items() if name in _HEEDED}
    for document in website.documents(path):
        if shown := await _show(service, incoming, account, document, heeded):
            return shown
    return await _missing(service, incoming, account, website.error_document)


async def _missing(service: Service, incoming: Incoming, account: KnownAccount, document: str) -> Answer:
    """The website's own page for what is not there, which is always all of it. Raises BlobError."""
    shown = await _show(service, incoming, account, document, {}) if document else None
    if shown is None:
        raise _not_found(f"the container {websites.CONTAINER} has no blob for this path")
    headers = [("x-ms-error-code", _NOT_FOUND), *shown.headers]
    return msgspec.structs.replace(shown, status=404, headers=headers)


async def _show(
    service: Service, incoming: Incoming, account: KnownAccount, document: str, heeded: Mapping[str, str]
) -> Answer | None:
    """The blob of that name, as a web server would show it; None if it is not there."""
    where = Address(account.name, websites.CONTAINER, document, by_host=True)
    reader = Principal(account.name, frozenset(), "anonymous")
    read = downloads.head if incoming.verb == "HEAD" else downloads.get
    try:
        found = await read(service, Call(incoming, where, heeded, {}, reader, account))
    except BlobError as error:
        if error.status == 404:
            return None
        raise
    headers = [(name, value) for name, value in found.headers if not name.startswith("x-ms-")]
    return msgspec.structs.replace(found, headers=headers)


def _not_found(reason: str) -> BlobError:
    return BlobError(_NOT_FOUND, details=(("Reason", reason),))
