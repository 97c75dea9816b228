"""Get and Set Blob Tags, and Find Blobs by Tags."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from batchite.blobs import given, guards
from batchite.blobs.answers import XML, Answer
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import existing as existing_container
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import tags as index
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.tags import Found
from batchite.wire.blob import checksums, conditions, leases, listings, tag_filter, tags
from batchite.wire.blob.conditions import Conditions
from batchite.wire.blob.errors import BlobError, xml_text
from batchite.wire.blob.tag_filter import Comparison, FilterError


async def get(service: Service, call: Call) -> Answer:
    """Get Blob Tags."""
    now = service.clock.now().ticks

    def query(connection: sa.Connection) -> Blob:
        blob = guards.existing(guards.find_slot(connection, call))
        for wanted in _conditions(call):
            wanted.check_read(blob.modified)
        given.check_if_tags(call, blob)
        leases.check_read(blob.lease, call.lease_id, now)
        return blob

    blob = await service.database.look(query)
    return Answer(200, XML, tags.write(blob.extras.tags))


def _conditions(call: Call) -> tuple[Conditions, Conditions]:
    """The SDKs send them under names of their own here; both count."""
    return call.conditions, conditions.parse(call.headers, conditions.OF_TAGS)


async def set_(service: Service, call: Call) -> Answer:
    """Set Blob Tags: all are replaced. Neither time nor ETag of the blob change."""
    document = await call.incoming.body(tags.MAX_BODY_BYTES)
    checksums.check_document(call.headers, document)
    new = tags.read(document)

    def unit(connection: sa.Connection) -> None:
        blob = guards.existing(guards.find_slot(connection, call))
        for wanted in _conditions(call):
            wanted.check_change(blob.modified)
        given.check_if_tags(call, blob)
        guards.check_lease(call, blob, service.clock.now().ticks)
        rows.set_extras(connection, blob, msgspec.structs.replace(blob.extras, tags=new))

    await service.database.touch(unit)
    return Answer(204, [])


async def find(service: Service, call: Call) -> Answer:
    """Find Blobs by Tags, in the account or in a container."""
    where = call.query.get("where", "")
    comparisons = _read_where(where)
    limit = listings.max_results(call.query.get("maxresults")) or listings.MAX_RESULTS
    container, _, name = listings.read_marker(call.query.get("marker")).partition("/")

    def query(connection: sa.Connection) -> list[Found]:
        names = call.address
        if names.container:
            existing_container(connection, call)
        return index.find(
            connection, names.account, names.container, comparisons, (container, name), limit + 1
        )

    found = await service.database.read(query)
    more = f"{found[limit].container}/{found[limit].name}" if len(found) > limit else ""
    names = {comparison.name for comparison in comparisons}
    shown = "".join(_entry(entry, names) for entry in found[:limit])
    return Answer(200, XML, _document(call, where, shown, listings.marker(more) if more else ""))


def _read_where(text: str) -> tuple[Comparison, ...]:
    if not text:
        raise BlobError("MissingRequiredQueryParameter", details=(("QueryParameterName", "where"),))
    try:
        return tag_filter.search(text)
    except FilterError as error:
        place = "" if error.position is None else f" at or near character position {error.position}"
        details = (("QueryParameterName", "where"), ("QueryParameterValue", text), ("Reason", str(error)))
        message = f"Error parsing query{place}: {error.rule}"
        raise BlobError("InvalidQueryParameterValue", message, details=details) from None


def _entry(found: Found, names: set[str]) -> str:
    """Of the tags only those that were searched for are shown."""
    shown = {tag: value for tag, value in found.tags.items() if tag in names}
    return (
        f"<Blob>{listings.name_element(found.name)}<ContainerName>{xml_text(found.container)}</ContainerName>"
        f"{tags.element(shown)}</Blob>"
    )


def _document(call: Call, where: str, inner: str, marker: str) -> bytes:
    endpoint = xml_text(f"{call.account_url}/")
    return (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="{endpoint}">'
        f"<Where>{xml_text(where)}</Where><Blobs>{inner}</Blobs>"
        f"<NextMarker>{marker}</NextMarker></EnumerationResults>"
    ).encode()
