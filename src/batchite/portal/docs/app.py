"""The docs as an ASGI application, for anybody: nothing in them is secret, and nothing is changed by it."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from batchite.portal import headers, packing, rendering, theme
from batchite.portal.docs import pages, search
from batchite.portal.visit import DOCS
from batchite.web.problems import PathNotFound, VerbNotAllowed
from batchite.web.request import Incoming

LONGEST = 200
"""Characters of what is searched for."""
_READING = ("GET", "HEAD")


class DocsApp:
    """Below `/-/docs`. With `has_portal` its pages lead there. Making it reads and renders all of them, which
    takes a while."""

    def __init__(self, has_portal: bool) -> None:
        self._has_portal = has_portal
        self._pages = pages.all_pages()
        self._headers = {**headers.of_pages(""), "cache-control": "no-cache"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Incoming(scope, receive))(scope, receive, send)

    def _answer(self, request: Incoming) -> Response:
        """Raises PathNotFound and VerbNotAllowed."""
        if request.verb not in _READING:
            raise VerbNotAllowed(request.verb, _READING)
        name = request.raw_path.removeprefix(DOCS).strip("/")
        if name.startswith("images/"):
            return self._image(request, name.removeprefix("images/"))
        if request.raw_path == DOCS:
            return RedirectResponse(f"{DOCS}/", 308, self._headers)
        if not name:
            return self._index(request)
        found = self._pages.get(name)
        if found is None:
            return self._page(request, "docs/missing.html", {"name": name}, 404)
        return self._page(request, "docs/page.html", {"page": found})

    def _index(self, request: Incoming) -> Response:
        text = request.parameters.get("q", "").strip()[:LONGEST]
        hits = search.find(self._pages.values(), text)
        return self._page(request, "docs/index.html", {"text": text, "hits": hits})

    def _image(self, request: Incoming, name: str) -> Response:
        path = pages.image(name)
        if path is None:
            raise PathNotFound(request.raw_path)
        if path.suffix == ".svg":
            return Response(path.read_bytes(), headers=headers.OF_DRAWINGS, media_type="image/svg+xml")
        return Response(path.read_bytes(), headers=headers.OF_ALL, media_type="image/png")

    def _page(
        self, request: Incoming, template: str, values: dict[str, object], status: int = 200
    ) -> Response:
        given = {
            "pages": self._pages.values(),
            "has_portal": self._has_portal,
            "theme": theme.chosen(request),
            "text": "",
            **values,
        }
        return packing.page(request, rendering.page(template, given), status, self._headers)
