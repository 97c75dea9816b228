"""Pages of storage accounts and of containers as a whole."""

from __future__ import annotations

from batchite.portal.answers import Answer, Done, Page
from batchite.portal.lists import ROWS
from batchite.portal.routes import Route, change, show
from batchite.portal.storage import pairs, places
from batchite.portal.visit import Visit


async def accounts(visit: Visit) -> Answer:
    shown = [(account, places.urls(visit, account)[1]) for account in visit.storage_accounts]
    return Page("storage/accounts.html", {"accounts": shown})


async def list_(visit: Visit) -> Answer:
    place = places.find(visit)
    asked = visit.query("q")
    with_deleted = visit.query("show") == "deleted"
    part = await place.client.containers(asked, visit.query("after"), limit=ROWS, deleted=with_deleted)
    values = {
        "place": place,
        "asked": asked,
        "with_deleted": with_deleted,
        "rows": part.entries,
        "more": visit.here(after=part.marker) if part.marker else "",
    }
    return Page("storage/containers.html", values)


async def create(visit: Visit) -> Answer:
    place = places.find(visit)
    name = visit.form.get("name", "").strip()
    await place.client.create_container(name)
    return Done(place.url("containers", name), f"The container {name} has been made.")


async def restore(visit: Visit) -> Answer:
    place = places.find(visit)
    await place.client.restore_container(place.container, visit.form.get("version", ""))
    return Done(place.container_url(), f"The container {place.container} is back.")


async def properties(visit: Visit) -> Answer:
    place = places.find(visit)
    found = await place.client.container(place.container)
    values = {
        "place": place,
        "found": found,
        "metadata": pairs.write(found.metadata),
        "public_url": place.public(place.container),
    }
    return Page("storage/container.html", values)


async def set_metadata(visit: Visit) -> Answer:
    place = places.find(visit)
    given = pairs.read(visit.form.get("metadata", ""))
    await place.client.set_container_metadata(place.container, given)
    return Done(place.container_url("properties"), f"The metadata of {place.container} are changed.")


async def delete(visit: Visit) -> Answer:
    place = places.find(visit)
    await place.client.delete_container(place.container)
    return Done(place.url(), f"The container {place.container} is deleted, with its blobs.")


_CONTAINER = "/storage/{storage}/containers/{container}"

ROUTES: tuple[Route, ...] = (
    show("/storage", accounts),
    show("/storage/{storage}", list_),
    change("/storage/{storage}/create", create),
    show(f"{_CONTAINER}/properties", properties),
    change(f"{_CONTAINER}/metadata", set_metadata),
    change(f"{_CONTAINER}/restore", restore),
    change(f"{_CONTAINER}/delete", delete),
)
