"""Where an upload goes, and the way through the portal for what a browser cannot reach itself."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from batchite.portal import headers
from batchite.portal.answers import Answer, Raw, Refused
from batchite.portal.blob_client import addresses
from batchite.portal.blob_client.client import Where
from batchite.portal.blob_client.problems import StorageProblem
from batchite.portal.routes import Route, change, take
from batchite.portal.storage import media_types, places
from batchite.portal.storage.places import StoragePlace
from batchite.portal.visit import Visit
from batchite.wire.blob import block_list
from batchite.wire.blob.errors import BlobError
from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.ticks import Duration

GRANTED = Duration.of(minutes=60)
"""How long the signature of an upload is good; one that takes longer asks again."""
_CONDITION, _TYPE = "if-none-match", "x-ms-blob-content-type"


class Granted(msgspec.Struct, frozen=True):
    """What the page's script is told: whether there is such a blob already; else the URL to send to
    directly (none: not possible), the one through the portal, the media type, and the blob's page."""

    exists: bool
    direct: str = ""
    through: str = ""
    type: str = ""
    page: str = ""


async def grant(visit: Visit) -> Answer:
    place = places.find(visit)
    where = _where(place, visit.form.get("name", ""))
    replaces = visit.form.get("replace") == "yes"
    if not replaces and await _exists(place, where):
        return _told(Granted(exists=True))
    granted = Granted(
        exists=False,
        direct=_direct(place, where, "cw" if replaces else "c"),
        through=place.blob_url(where, "content"),
        type=media_types.guess(where.name, visit.form.get("type", "")),
        page=place.blob_url(where),
    )
    return _told(granted, f"may be uploaded: {where.name}")


def _where(place: StoragePlace, name: str) -> Where:
    if not name:
        raise Refused(400, "A blob has a name.")
    return Where(place.container, name)


async def _exists(place: StoragePlace, where: Where) -> bool:
    try:
        await place.client.properties(where)
    except StorageProblem as problem:
        if problem.code == "BlobNotFound":
            return False
        raise
    return True


def _direct(place: StoragePlace, where: Where, permissions: str) -> str:
    """With a signature for this blob alone, which allows writing and nothing else."""
    if not place.is_direct or not place.public_url or not addresses.is_for_browsers(where.name):
        return ""
    expiry = place.visit.services.clock.wall() + GRANTED
    token = granting.for_blob(
        place.account.key_bytes[0],
        place.account.name,
        where.container,
        where.name,
        Grant(permissions=permissions, expiry=expiry),
    )
    return f"{place.public(where.container, where.name)}?{token}"


def _told(granted: Granted, what: str = "") -> Raw:
    told = {**headers.OF_ALL, "cache-control": "no-store"}
    return Raw(Response(msgspec.json.encode(granted), 200, told, "application/json"), what)


async def content(visit: Visit) -> Answer:
    """Content of a blob, streamed on: all of it, a block, or the list of the blocks."""
    place = places.find(visit)
    where, length = place.blob, _length(visit)
    match visit.query("comp"):
        case "":
            body = visit.request.blocks()
            await place.client.put_blob(where, body, length, _described(visit))
            return _taken(f"uploaded: {where.name}, {length} bytes")
        case "block":
            block = _checked_id(visit.query("blockid"))
            await place.client.put_block(where, block, visit.request.blocks(), length)
            return _taken()
        case "blocklist":
            blocks = _blocks(await visit.request.body(block_list.MAX_BODY_BYTES))
            await place.client.put_blocks(where, blocks, _described(visit))
            return _taken(f"uploaded: {where.name}, of {len(blocks)} blocks")
        case other:
            raise Refused(400, f"comp is block or blocklist, not {other!r}.")


def _length(visit: Visit) -> int:
    text = visit.request.headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()):
        raise Refused(411, "Content is sent with its Content-Length.")
    return int(text)


def _described(visit: Visit) -> Mapping[str, str]:
    """What the script may say of the blob beside its content."""
    given = visit.request.headers
    found = {_TYPE: media_types.guess(visit.query("name"), given.get(_TYPE, ""))}
    return {**found, _CONDITION: "*"} if given.get(_CONDITION) == "*" else found


def _checked_id(text: str) -> str:
    try:
        return block_list.check_id(text)
    except BlobError as error:
        raise Refused(400, error.message) from None


def _blocks(document: bytes) -> list[str]:
    try:
        return [block.id for block in block_list.parse(document)]
    except BlobError as error:
        raise Refused(400, error.message) from None


def _taken(what: str = "") -> Raw:
    return Raw(Response(status_code=201, headers=headers.OF_ALL), what)


_CONTAINER = "/storage/{storage}/containers/{container}"

ROUTES: tuple[Route, ...] = (
    change(f"{_CONTAINER}/upload", grant),
    take(f"{_CONTAINER}/blob/content", content),
)
