"""Content on its way out: to be saved, straight from the Blob service or through the portal, and images."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

from starlette.responses import RedirectResponse, Response, StreamingResponse

from batchite.portal import headers
from batchite.portal.answers import Answer, NotHere, Raw
from batchite.portal.blob_client import addresses
from batchite.portal.blob_client.client import Where
from batchite.portal.blob_client.connection import Answer as Found
from batchite.portal.blob_client.problems import StorageProblem
from batchite.portal.routes import Route, show
from batchite.portal.storage import places, previews
from batchite.portal.storage.blobs import beginning
from batchite.portal.storage.places import StoragePlace
from batchite.portal.visit import Visit
from batchite.web.problems import BrokenOff
from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.ticks import Duration

GRANTED = Duration.of(minutes=60)
"""How long a download may be begun, or gone on with, by the URL that the browser is given."""
_HEAD_BYTES = 16
_PASSED_ON = ("content-length", "content-range", "etag", "last-modified", "accept-ranges")
_CHANGED = 412


async def download(visit: Visit) -> Answer:
    """`?through=1` takes the way through the portal also where there is a shorter one."""
    place = places.find(visit)
    where = place.blob
    is_far = visit.query("through") == "1" or not place.is_direct or not place.public_url
    if is_far or not addresses.is_for_browsers(where.name):
        return await _through(visit, place, where)
    return Raw(RedirectResponse(_direct(place, where), 302, {**headers.OF_ALL, "cache-control": "no-store"}))


def _direct(place: StoragePlace, where: Where) -> str:
    """With a signature to read this blob, by which it is saved whatever its type."""
    grant = Grant(
        permissions="r",
        expiry=place.visit.services.clock.wall() + GRANTED,
        overrides={"rscd": addresses.attachment(where.name)},
    )
    key, name = place.account.key_bytes[0], place.account.name
    token = granting.for_blob(key, name, where.container, where.name, grant, where.snapshot)
    return f"{place.public(where.container, where.name)}?{token}"


async def _through(visit: Visit, place: StoragePlace, where: Where) -> Raw:
    """As a whole or the range that is asked for, which is how browsers go on with what broke off."""
    if visit.request.verb == "HEAD":
        known = await place.client.properties(where)
        return Raw(Response(headers=_told(where, known.headers)))
    asked = _range(visit.request.headers)
    async with AsyncExitStack() as stack:
        try:
            found = await stack.enter_async_context(place.client.read(where, asked))
        except StorageProblem as problem:
            if problem.status != _CHANGED:
                raise
            found = await stack.enter_async_context(place.client.read(where))
        kept = stack.pop_all()
    told = _told(where, found.headers)
    return Raw(StreamingResponse(_chunks(kept, found), found.status, told))


def _told(where: Where, found: Mapping[str, str]) -> dict[str, str]:
    return {
        **headers.OF_UPLOADS,
        "content-type": "application/octet-stream",
        "content-disposition": addresses.attachment(where.name),
        **{name: found[name] for name in _PASSED_ON if name in found},
    }


def _range(told: Mapping[str, str]) -> dict[str, str]:
    """Blob services know no If-Range: they are asked to refuse what has been changed."""
    if "range" not in told:
        return {}
    condition = told.get("if-range", "")
    return {"Range": told["range"], **({"If-Match": condition} if condition.startswith('"') else {})}


async def _chunks(kept: AsyncExitStack, found: Found) -> AsyncIterator[bytes]:
    """Raises BrokenOff."""
    try:
        async with kept:
            async for chunk in found.chunks:
                yield chunk
    except StorageProblem as problem:
        raise BrokenOff(str(problem)) from None


async def image(visit: Visit) -> Answer:
    """As the image that its content is, if it is one that can do nothing but be seen. Raises NotHere."""
    place = places.find(visit)
    where = place.blob
    media_type = previews.image_type(await beginning(place.client, where, _HEAD_BYTES))
    if not media_type:
        raise NotHere("This blob is no image that browsers show.")
    raw = await _through(visit, place, where)
    raw.response.headers["content-type"] = media_type
    raw.response.headers["content-disposition"] = "inline"
    return raw


_BLOB = "/storage/{storage}/containers/{container}/blob"

ROUTES: tuple[Route, ...] = (
    show(f"{_BLOB}/download", download),
    show(f"{_BLOB}/image", image),
)
