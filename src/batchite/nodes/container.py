"""Which blobs a container holds: the List Blobs calls of a `storageContainerUrl`, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree import ElementTree

from batchite.nodes import failures
from batchite.nodes.failures import RunError

MAX_PAGE_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 16
_NAME = ["Blobs", "Blob", "Name"]
_MARKER = ["NextMarker"]

Fetch = Callable[[str], Awaitable[bytes]]


async def blobs(container_url: str, prefix: str | None, fetch: Fetch) -> AsyncIterator[tuple[str, str]]:
    """Name and address of every blob. `container_url` may carry a SAS. Raises RunError."""
    marker = ""
    while True:
        before = marker
        names, marker = _page(await fetch(_listing_url(container_url, prefix or "", marker)))
        for name in names:
            yield name, _blob_url(container_url, name)
        if marker and marker == before:
            raise _unreadable("its pages go in a circle")
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
    listing = _Listing()
    parser = ElementTree.XMLParser(target=listing)  # noqa: S314 - it refuses what is dangerous itself
    try:
        parser.feed(content)
        parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: unknown encodings
        raise _unreadable(str(error)) from None
    return listing.names, listing.marker


def _unreadable(reason: str) -> RunError:
    message = f"The list of a container's blobs could not be read: {reason}."
    return RunError(failures.server(failures.CONTAINER.other, message))


class _Listing:
    """Keeps of an answer only what is wanted: whoever wrote it may have meant to fill the memory."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.marker = ""
        self._open: list[str] = []
        self._text: list[str] = []

    def doctype(self, *_declaration: object) -> None:
        raise _unreadable("it declares a document type, and with it perhaps entities")

    def start(self, tag: str, _attributes: object) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _unreadable("it is nested deeper than any list of blobs")
        self._open.append(tag)
        self._text.clear()

    def data(self, text: str) -> None:
        if self._open[1:] in (_NAME, _MARKER):
            self._text.append(text)

    def end(self, _tag: str) -> None:
        if self._open[1:] == _NAME:
            self.names.append("".join(self._text))
        elif self._open[1:] == _MARKER:
            self.marker = "".join(self._text)
        self._open.pop()
