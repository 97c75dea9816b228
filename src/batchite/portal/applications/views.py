"""Applications with their packages: seen, sent, chosen as the default, deleted."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from batchite.batch.applications import actions
from batchite.portal import headers
from batchite.portal.answers import Answer, Done, Page, Raw
from batchite.portal.routes import change, show, take
from batchite.portal.storage import sizes
from batchite.portal.visit import Visit
from batchite.resources.applications import (
    MOST_APPLICATIONS,
    MOST_PACKAGES,
    Application,
    ManagedApplication,
    ManagedPackage,
    managed,
)

_SHORT_DIGEST = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A package as it is listed: sizes in words, the beginning of its hash."""

    package: ManagedPackage
    size: str
    unpacked: str
    digest: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Listed:
    application: ManagedApplication
    packages: list[Row]


def _listed(application: Application) -> Listed:
    shown, default = managed(application), application.default
    rows = [
        Row(
            package,
            sizes.words(package.size),
            sizes.words(package.unpacked_size),
            package.sha256[:_SHORT_DIGEST],
            is_default=default is not None and default.version == package.version,
        )
        for package in shown.packages
    ]
    return Listed(shown, rows)


async def list_(visit: Visit) -> Answer:
    found = await actions.all_(visit.acting)
    values = {
        "applications": [_listed(application) for application in found],
        "most_applications": MOST_APPLICATIONS,
        "most_packages": MOST_PACKAGES,
        "base": visit.url("applications"),
    }
    return Page("applications/list.html", values)


async def send(visit: Visit) -> Answer:
    """The zip that a script sends. Told in words; the page is loaded again."""
    name, version = visit.params["application"], visit.params["version"]
    sent = visit.request.blocks(), visit.request.announced
    await actions.add_package(visit.acting, name, version, *sent)
    return Raw(Response(None, 201, headers.OF_ALL), f"package {version} of {name} was added")


async def set_default(visit: Visit) -> Answer:
    name, version = visit.params["application"], visit.params["version"]
    await actions.change(visit.acting, name, default_version=version)
    return Done(visit.url("applications"), f"{version} is now the default version of {name}.")


async def set_updates(visit: Visit) -> Answer:
    """Whether versions may be replaced and deleted."""
    name, are_permitted = visit.params["application"], visit.form.get("updates") == "yes"
    await actions.change(visit.acting, name, allow_updates=are_permitted)
    what = "may be replaced and deleted" if are_permitted else "are neither replaced nor deleted from now on"
    return Done(visit.url("applications"), f"Versions of {name} {what}.")


async def delete_package(visit: Visit) -> Answer:
    name, version = visit.params["application"], visit.params["version"]
    await actions.delete_package(visit.acting, name, version)
    return Done(visit.url("applications"), f"Version {version} of {name} has been deleted.")


async def delete(visit: Visit) -> Answer:
    name = visit.params["application"]
    await actions.delete(visit.acting, name)
    return Done(visit.url("applications"), f"The application {name} has been deleted.")


_ONE = "/batch/{account}/applications/{application}"
_PACKAGE = f"{_ONE}/packages/{{version}}"

ROUTES = (
    show("/batch/{account}/applications", list_),
    change(f"{_ONE}/updates", set_updates),
    change(f"{_ONE}/delete", delete),
    take(_PACKAGE, send),
    change(f"{_PACKAGE}/default", set_default),
    change(f"{_PACKAGE}/delete", delete_package),
)
