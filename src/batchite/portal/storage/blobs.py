"""The page of a blob, or of a snapshot of it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchite.portal.answers import Answer, Done, Page, Refused
from batchite.portal.blob_client import addresses, entries
from batchite.portal.blob_client.client import Client, Properties, Where
from batchite.portal.blob_client.problems import StorageProblem
from batchite.portal.routes import Route, change, show
from batchite.portal.storage import pairs, places, previews, sizes
from batchite.portal.storage.previews import Text
from batchite.portal.visit import Visit

SHOWN: Mapping[str, str] = {
    "content-type": "Content type",
    "content-encoding": "Content encoding",
    "content-language": "Content language",
    "content-disposition": "Content disposition",
    "cache-control": "Cache control",
    "content-md5": "MD5",
    "x-ms-blob-type": "Kind",
    "x-ms-access-tier": "Tier",
    "x-ms-archive-status": "Archive",
    "x-ms-lease-state": "Lease",
    "x-ms-lease-duration": "Lease duration",
    "x-ms-blob-committed-block-count": "Blocks",
    "x-ms-blob-sealed": "Sealed",
    "x-ms-version-id": "Version",
    "x-ms-copy-status": "Copy",
    "x-ms-copy-status-description": "Copy's trouble",
    "x-ms-copy-progress": "Copied",
    "x-ms-copy-source": "Copied from",
    "x-ms-encryption-scope": "Encryption scope",
    "etag": "ETag",
}
"""Headers, in the order in which the page has them; those that are absent are left out."""
MOST_SNAPSHOTS = 50
"""on the page, the newest; as many versions"""
TIERS = ("Hot", "Cool", "Cold", "Archive")


async def show_one(visit: Visit) -> Answer:
    place = places.find(visit)
    where = place.blob
    found = await place.client.properties(where)
    is_base = not where.query
    snapshots = await place.client.snapshots(place.container, where.name) if is_base else ()
    versions = await place.client.versions(place.container, where.name) if is_base else ()
    image, text, reason = await _preview(place.client, where, found)
    values = {
        "place": place,
        "where": where,
        "kept_as": _kept_as(where),
        "name": places.last_part(where.name, places.folder_of(where.name)),
        "steps": place.steps(places.folder_of(where.name), addresses.file_name(where.name)),
        "public_url": place.public(place.container, where.name),
        "size": found.size,
        "words": sizes.words,
        "facts": _facts(found),
        "modified": entries.moment(found.header("last-modified")),
        "created": entries.moment(found.header("x-ms-creation-time")),
        "metadata": pairs.write(found.metadata),
        "tags": await _tags(place.client, where),
        "snapshots": snapshots[: -MOST_SNAPSHOTS - 1 : -1],
        "snapshot_count": len(snapshots),
        "versions": versions[: -MOST_SNAPSHOTS - 1 : -1],
        "version_count": len(versions),
        "media_type": found.header("content-type"),
        "tier": found.header("x-ms-access-tier"),
        "tiers": TIERS if found.header("x-ms-blob-type") == "BlockBlob" else (),
        "image": image,
        "text": text,
        "no_preview": reason,
    }
    return Page("storage/blob.html", values)


def _kept_as(where: Where) -> str:
    """What a state of a blob is called that is not its present one."""
    return "version" if where.version else "snapshot"


def _facts(found: Properties) -> Sequence[tuple[str, str]]:
    return [(name, found.header(header)) for header, name in SHOWN.items() if found.header(header)]


async def _tags(client: Client, where: Where) -> str | None:
    """None where the service has none, or does not tell."""
    try:
        return pairs.write(await client.tags(where))
    except StorageProblem:
        return None


async def _preview(client: Client, where: Where, found: Properties) -> tuple[bool, Text | None, str]:
    """Whether it is an image, its text, or why it cannot be shown."""
    if found.size == 0:
        return False, None, "The blob is empty."
    if found.header("content-encoding"):
        return False, None, f"The content is encoded ({found.header('content-encoding')}). Download it."
    try:
        head = await beginning(client, where, previews.TEXT_BYTES)
    except StorageProblem as problem:
        return False, None, str(problem)
    if previews.image_type(head):
        return True, None, ""
    text = previews.text(head, found.size)
    return False, text, "" if text else "This is neither text nor an image that browsers show. Download it."


async def beginning(client: Client, where: Where, size: int) -> bytes:
    """At most so many bytes. Raises StorageProblem."""
    async with client.read(where, {"Range": f"bytes=0-{size - 1}"}) as answer:
        return await answer.content(size)


async def set_content_type(visit: Visit) -> Answer:
    place = places.find(visit)
    where = place.blob
    await place.client.set_content_type(where, visit.form.get("type", "").strip())
    return Done(place.blob_url(where), f"The content type of {where.name} is changed.")


async def set_tier(visit: Visit) -> Answer:
    place = places.find(visit)
    where, tier = place.blob, visit.form.get("tier", "")
    if tier not in TIERS:
        raise Refused(400, f"There is no tier {tier!r}; there are {', '.join(TIERS)}.")
    await place.client.set_tier(where, tier)
    return Done(place.blob_url(where), f"The tier of {where.name} is {tier}.")


async def set_metadata(visit: Visit) -> Answer:
    place = places.find(visit)
    where = place.blob
    await place.client.set_metadata(where, pairs.read(visit.form.get("metadata", "")))
    return Done(place.blob_url(where), f"The metadata of {where.name} are changed.")


async def set_tags(visit: Visit) -> Answer:
    place = places.find(visit)
    where = place.blob
    await place.client.set_tags(where, pairs.read(visit.form.get("tags", "")))
    return Done(place.blob_url(where), f"The tags of {where.name} are changed.")


async def snapshot(visit: Visit) -> Answer:
    place = places.find(visit)
    where = place.blob
    moment = await place.client.snapshot(where)
    return Done(place.blob_url(where), f"A snapshot of {where.name} has been taken: {moment}.")


async def delete(visit: Visit) -> Answer:
    """The blob with its snapshots, or one of those."""
    place = places.find(visit)
    where = place.blob
    await place.client.delete(where, with_snapshots=not where.query)
    if where.query:
        back = place.blob_url(Where(where.container, where.name))
        kept = f"{_kept_as(where)} {where.snapshot or where.version}"
        return Done(back, f"The {kept} of {where.name} is deleted.")
    back = place.container_url(prefix=places.folder_of(where.name))
    return Done(back, f"The blob {where.name} is deleted.")


_BLOB = "/storage/{storage}/containers/{container}/blob"

ROUTES: tuple[Route, ...] = (
    show(_BLOB, show_one),
    change(f"{_BLOB}/content-type", set_content_type),
    change(f"{_BLOB}/tier", set_tier),
    change(f"{_BLOB}/metadata", set_metadata),
    change(f"{_BLOB}/tags", set_tags),
    change(f"{_BLOB}/snapshot", snapshot),
    change(f"{_BLOB}/delete", delete),
)
