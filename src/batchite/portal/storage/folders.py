"""The page of a folder: what is in a container below a common beginning of names."""

from __future__ import annotations

import shlex
from urllib.parse import quote

from batchite.portal.answers import Answer, Done, Page
from batchite.portal.blob_client.client import Where
from batchite.portal.blob_client.entries import Blob, Folder
from batchite.portal.lists import ROWS
from batchite.portal.routes import Route, change, show
from batchite.portal.storage import places, sizes
from batchite.portal.storage.places import StoragePlace
from batchite.portal.visit import Visit


async def list_(visit: Visit) -> Answer:
    place = places.find(visit)
    asked = visit.query("q")
    with_deleted = visit.query("show") == "deleted"
    part = await place.client.blobs(
        place.container,
        place.prefix + asked,
        visit.query("after"),
        limit=ROWS,
        include=("deleted",) if with_deleted else (),
    )
    values = {
        "place": place,
        "asked": asked,
        "with_deleted": with_deleted,
        "folders": [_folder(place, entry) for entry in part.entries if isinstance(entry, Folder)],
        "blobs": [_blob(place, entry) for entry in part.entries if isinstance(entry, Blob)],
        "words": sizes.words,
        "encoded_prefix": quote(place.prefix, safe=""),
        "shell_name": shlex.quote(place.container),
        "steps": place.steps(place.prefix),
        "more": visit.here(after=part.marker) if part.marker else "",
    }
    return Page("storage/folder.html", values)


def _folder(place: StoragePlace, folder: Folder) -> tuple[str, str, str]:
    """Its name here, all of its name, encoded, and its page."""
    name = places.last_part(folder.name, place.prefix)
    return name, quote(folder.name, safe=""), place.container_url(prefix=folder.name)


def _blob(place: StoragePlace, blob: Blob) -> tuple[str, str, str, Blob]:
    """Likewise, with what is known of it."""
    where = Where(place.container, blob.name, blob.snapshot)
    name = places.last_part(blob.name, place.prefix)
    return name, quote(blob.name, safe=""), place.blob_url(where), blob


async def restore(visit: Visit) -> Answer:
    """A blob that was deleted softly."""
    place = places.find(visit)
    where = place.blob
    await place.client.restore(where)
    back = place.container_url(prefix=places.folder_of(where.name))
    return Done(back, f"The blob {where.name} is back.")


_CONTAINER = "/storage/{storage}/containers/{container}"

ROUTES: tuple[Route, ...] = (
    show(_CONTAINER, list_),
    change(f"{_CONTAINER}/blob/restore", restore),
)
