"""The pages of the Batch process, as it makes them when somebody first looks: the portal and the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchite.batch.feed.tail import Tail
from batchite.batch.services import Services
from batchite.processes.launch import Launch

if TYPE_CHECKING:
    from batchite.portal.app import PortalApp
    from batchite.portal.docs.app import DocsApp

PATH = "/-/portal"
DOCS_PATH = "/-/docs"
OFF, READ_ONLY = "off", "read-only"


def make_docs(launch: Launch) -> DocsApp:
    """They are there without a portal, too."""
    from batchite.portal.docs.app import DocsApp

    return DocsApp(has_portal=launch.portal != OFF)


def make(launch: Launch, services: Services, tail: Tail) -> PortalApp:
    """Raises OSError if the secret of the data directory cannot be had."""
    from batchite.portal.app import PortalApp
    from batchite.portal.following import Changes
    from batchite.portal.visit import Place

    place = Place(
        batch_url=launch.batch_url or launch.url,
        blob_url=launch.blob_url,
        data_dir=launch.data_dir,
        is_read_only=launch.portal == READ_ONLY,
        own_blob_url=launch.own_blob_url,
        authority=launch.identity.bundle if launch.identity else "",
    )
    return PortalApp(services, place, Changes(tail))
