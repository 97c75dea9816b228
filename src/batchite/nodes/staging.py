"""Bringing a run's resource files into its working directory before its command starts.

Several files are fetched at once; the first that fails ends them all. The HTTP client is loaded and
its session made when the first file is wanted, so a node without resource files never pays for it.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import TYPE_CHECKING

from batchite.nodes import failures, landing
from batchite.nodes.definition import ResourceFile
from batchite.nodes.directories import RunDirectory
from batchite.nodes.environment import RESERVED_DISK_BYTES
from batchite.nodes.failures import RunError
from batchite.nodes.landing import Land, Landing
from batchite.nodes.outputs.pattern import of_windows
from batchite.nodes.own_blobs import OwnBlobs
from batchite.nodes.sandbox.base import User
from batchite.nodes.slowness import NOTICE_SECONDS, noticed
from batchite.nodes.together import together

if TYPE_CHECKING:
    from batchite.nodes.downloads import Downloads
    from batchite.nodes.patience import Patience

AT_ONCE = 8
"""Files of all runs of a node that are fetched at the same time; the others wait."""


class Staging:
    """Fetches files for all runs of a node.

    While the node's service is away (`served` is clear) no failed try counts. `is_windows`: definitions are
    written for Windows.
    """

    def __init__(
        self,
        land: Land,
        patience: Patience | None = None,
        notice: float = NOTICE_SECONDS,
        served: asyncio.Event | None = None,
        *,
        is_windows: bool = False,
    ) -> None:
        self._land = land
        self._patience = patience
        self._served = served
        self._is_windows = is_windows
        self._notice = notice
        self.own_blobs = OwnBlobs()
        self._downloads: Downloads | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def stage(self, files: Iterable[ResourceFile], run: RunDirectory, user: User) -> None:
        """Raises RunError; what was fetched before stays."""
        area = Landing(self._land, run, user)

        async def fetching() -> AsyncIterator[Coroutine[None, None, None]]:
            for file in files:
                mode = landing.file_mode(file.file_mode)
                async for url, path in self._sources(area, file):
                    yield self._fetch(area, url, path, mode)

        try:
            await together(fetching(), AT_ONCE)
        finally:
            area.close()

    async def close(self) -> None:
        if self._downloads is not None:
            await self._downloads.close()

    async def _sources(self, area: Landing, file: ResourceFile) -> AsyncIterator[tuple[str, str]]:
        """Address and path of each file meant; a path that ends in `/` is a directory."""
        given = file.file_path or ""
        path = of_windows(given) if self._is_windows else given
        if file.http_url is not None:
            yield file.http_url, path
        elif file.storage_container_url is not None:
            from batchite.nodes import container

            fetch = functools.partial(self._page, area)
            directory = path.rstrip("/") + "/" if path else ""
            async for name, url in container.blobs(file.storage_container_url, file.blob_prefix, fetch):
                yield url, directory + name
        elif file.auto_storage_container_name is not None:
            name = file.auto_storage_container_name
            message = (
                f"The resource files are in the container {name!r} of auto storage, and no storage account "
                "that this node can reach is linked to the Batch account. Name one as its storage_account."
            )
            raise RunError(failures.user(failures.CONTAINER.missing, message, ContainerName=name))
        else:
            message = "A resource file names neither an httpUrl nor a storageContainerUrl."
            raise RunError(failures.user("BlobNotFound", message))

    async def _page(self, area: Landing, url: str) -> bytes:
        from batchite.nodes import container

        with noticed(f"a list of resource files for {area.path} is still being fetched", self._notice):
            return await self._client().content(url, failures.CONTAINER, container.MAX_PAGE_BYTES)

    async def _fetch(self, area: Landing, url: str, path: str, mode: int) -> None:
        """Takes its turn itself: one taken for a task is lost if that is cancelled before its first step."""
        file = f"resource file {path!r} of {area.path}"
        with noticed(f"{file} waits for one of the node's {AT_ONCE} downloads", self._notice):
            await self._turns.acquire()
        try:
            with noticed(f"{file} is still being fetched", self._notice):
                if path.endswith("/"):
                    area.make_directory(path)
                else:
                    await self._fetch_file(area, url, path, mode)
        finally:
            self._turns.release()

    async def _fetch_file(self, area: Landing, url: str, path: str, mode: int) -> None:
        if area.free_bytes() < RESERVED_DISK_BYTES:
            message = f"Less than {RESERVED_DISK_BYTES} bytes are free on the node, so nothing is fetched."
            raise RunError(failures.server("DiskFull", message, FilePath=path))
        descriptor = area.create(path, mode)
        try:
            await self._client().to_file(url, descriptor)
        finally:
            os.close(descriptor)

    def _client(self) -> Downloads:
        if self._downloads is None:
            from batchite.nodes.downloads import Downloads
            from batchite.nodes.patience import Patience

            patience = self._patience or Patience(served=self._served)
            self._downloads = Downloads(patience, self.own_blobs.way)
        return self._downloads
