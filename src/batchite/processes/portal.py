"""The portal's place in the Batch process: it is imported when somebody first looks at it."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from batchite.batch.feed.tail import Tail
from batchite.batch.services import Services
from batchite.processes.launch import Launch

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from batchite.portal.app import PortalApp
    from batchite.portal.docs.app import DocsApp

PATH = "/-/portal"
DOCS_PATH = "/-/docs"
OFF, READ_ONLY = "off", "read-only"


class LateDocs:
    """ASGI, likewise: the docs, which are there without a portal, too."""

    def __init__(self, launch: Launch) -> None:
        self._has_portal = launch.portal != OFF

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await asyncio.to_thread(_docs, self._has_portal)
        await app(scope, receive, send)


@cache
def _docs(has_portal: bool) -> DocsApp:
    from batchite.portal.docs.app import DocsApp

    return DocsApp(has_portal)


class LatePortal:
    """ASGI. A start takes no longer for the sake of what few starts need at once."""

    def __init__(self, launch: Launch, services: Services, tail: Tail) -> None:
        self._launch = launch
        self._tail = tail
        self._services = services
        self._app: PortalApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(self._make)
        await self._app(scope, receive, send)

    async def close(self) -> None:
        if self._app is not None:
            await self._app.close()

    def _make(self) -> PortalApp:
        from batchite.portal.app import PortalApp
        from batchite.portal.following import Changes
        from batchite.portal.visit import Place

        launch = self._launch
        place = Place(
            batch_url=launch.batch_url or launch.url,
            blob_url=launch.blob_url,
            data_dir=launch.data_dir,
            is_read_only=launch.portal == READ_ONLY,
            own_blob_url=launch.own_blob_url,
            authority=launch.identity.bundle if launch.identity else "",
        )
        return PortalApp(self._services, place, Changes(self._tail))
