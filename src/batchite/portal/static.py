"""Files that never change under their URL, since a hash of the content is part of it."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from starlette.responses import Response

from batchite.portal import headers, packing
from batchite.web.problems import PathNotFound
from batchite.web.request import Incoming

HERE = Path(__file__).resolve().parent / "static"
PATH = "/-/portal/static"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class File(NamedTuple):
    content: bytes
    packed: bytes
    """by gzip"""
    media_type: str
    tag: str


@cache
def _file(name: str) -> File:
    content = (HERE / name).read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:16]
    return File(content, gzip.compress(content, 9, mtime=0), TYPES[Path(name).suffix], tag)


@cache
def _names() -> frozenset[str]:
    return frozenset(place.name for place in HERE.iterdir() if place.suffix in TYPES)


def url(name: str) -> str:
    """Of a file in the folder `static`."""
    return f"{PATH}/{_file(name).tag}/{name}"


def serve(request: Incoming, tag: str, name: str) -> Response:
    """Raises PathNotFound."""
    if name not in _names() or (file := _file(name)).tag != tag:
        raise PathNotFound(request.raw_path)
    entity = f'"{file.tag}"'
    told = {**headers.OF_STATIC, "etag": entity, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == entity:
        return Response(status_code=304, headers=told)
    if packing.is_accepted(request):
        return Response(file.packed, headers={**told, "content-encoding": "gzip"}, media_type=file.media_type)
    return Response(file.content, headers=told, media_type=file.media_type)
