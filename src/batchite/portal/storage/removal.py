"""Deleting what was chosen of a folder: first the page that names it all, then the deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from batchite.portal.answers import Answer, Done, Page, Refused
from batchite.portal.blob_client.client import Client, Where
from batchite.portal.blob_client.entries import Blob
from batchite.portal.blob_client.problems import StorageProblem
from batchite.portal.routes import Route, change
from batchite.portal.storage import places
from batchite.portal.storage.places import StoragePlace
from batchite.portal.visit import Visit

MOST = 1000
"""blobs of a folder at once"""
AT_ONCE = 8
BLOB, FOLDER = "blob-", "folder-"
"""begin the names of fields, whose values are names, percent-encoded: a form would change line breaks"""
COUNT = "count"


@dataclass(frozen=True, slots=True)
class Folder:
    """What would be deleted of one: the names, and whether there are more."""

    name: str
    blobs: tuple[str, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Choice:
    blobs: tuple[str, ...]
    folders: tuple[Folder, ...]

    @property
    def names(self) -> list[str]:
        """Of all blobs."""
        return [*self.blobs, *(name for folder in self.folders for name in folder.blobs)]


async def ask(visit: Visit) -> Answer:
    """The page that says what would be deleted."""
    place = places.find(visit)
    fields = [field for field in visit.form if field.startswith((BLOB, FOLDER))]
    values = {"place": place, "choice": await _choice(place), "fields": fields}
    return Page("storage/removal.html", values)


async def delete(visit: Visit) -> Answer:
    """If it is as many as was said. What is gone already is as good as deleted; one that cannot be deleted
    keeps none of the others."""
    place = places.find(visit)
    names = (await _choice(place)).names
    if visit.form.get(COUNT) != str(len(names)):
        raise Refused(
            409, "There are more or fewer blobs than was said. Go back, load the page, choose again."
        )
    problems = await _delete(place.client, place.container, names)
    if problems:
        done = len(names) - len(problems)
        raise Refused(409, f"{done} blobs are deleted, {len(problems)} are not. {problems[0]}")
    what = f"The blob {names[0]} is deleted." if len(names) == 1 else f"{len(names)} blobs are deleted."
    return Done(place.container_url(prefix=place.prefix), what)


async def _choice(place: StoragePlace) -> Choice:
    """Raises Refused if nothing was chosen."""
    blobs, folders = _chosen(place, BLOB), _chosen(place, FOLDER)
    if not blobs and not folders:
        raise Refused(400, "Choose blobs or folders first, by the boxes before their names.")
    return Choice(tuple(blobs), tuple([await _folder(place, name) for name in folders]))


def _chosen(place: StoragePlace, beginning: str) -> list[str]:
    return [
        unquote(value) for field, value in place.visit.form.items() if field.startswith(beginning) and value
    ]


async def _folder(place: StoragePlace, name: str) -> Folder:
    part = await place.client.blobs(place.container, name, limit=MOST, delimiter="")
    return Folder(
        name, tuple(entry.name for entry in part.entries if isinstance(entry, Blob)), part.marker != ""
    )


async def _delete(client: Client, container: str, names: Sequence[str]) -> list[str]:
    """With their snapshots. What went wrong, in words."""
    problems: list[str] = []
    waiting = iter(names)

    async def work() -> None:
        for name in waiting:
            try:
                await client.delete(Where(container, name), with_snapshots=True)
            except StorageProblem as problem:
                if problem.code != "BlobNotFound":
                    problems.append(f"{name}: {problem}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return problems


_CONTAINER = "/storage/{storage}/containers/{container}"

ROUTES: tuple[Route, ...] = (
    change(f"{_CONTAINER}/removal", ask),
    change(f"{_CONTAINER}/removal/delete", delete),
)
