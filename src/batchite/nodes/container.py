"""Which blobs a container holds: the List Blobs calls of a `storageContainerUrl`, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree import ElementTree

from batchite.nodes import failures
from batchite.nodes.failures import RunError

MAX_PAGE_BYTES = 32 * 1024 * 1024

Fetch = Callable[[str], Awaitable[bytes]]


async def blobs(container_url: str, prefix: str | None, fetch: Fetch) -> AsyncIterator[tuple[str, str]]:
    """Name and address of every blob. `container_url` may carry a SAS. Raises RunError."""
    marker = ""
    while True:
        names, marker = _page(await fetch(_listing_url(container_url, prefix or "", marker)))
        for name in names:
            yield name, _blob_url(container_url, name)
        if not marker:
            return


def _listing_url(container_url: str, prefix: str, marker: str) -> str:
    wanted = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items() if value)
    parts = urlsplit(container_url)
    return urlunsplit(parts._replace(query=f"{query}&{parts.query}" if parts.query else query, fragment=""))


def _blob_url(container_url: str, name: str) -> str:
    parts = urlsplit(container_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name, safe='/~')}", fragment=""))


def _page(content: bytes) -> tuple[list[str], str]:
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - expat itself limits what entities grow to
    except ElementTree.ParseError as error:
        message = f"The list of a container's blobs could not be read: {error}."
        raise RunError(failures.server("BlobDownloadMiscError", message)) from None
    names = [name.text or "" for name in root.iterfind("Blobs/Blob/Name")]
    return names, root.findtext("NextMarker") or ""
