"""A blob, or whatever else there is, at another origin: what it says of itself, and its content."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import msgspec

from batchite.blobs.origins import OriginFailed, Origins
from batchite.store.blobs.blobs import Type
from batchite.store.blobs.containers import encode_metadata
from batchite.store.blobs.extras import Extras
from batchite.wire.blob import headers, numbers, pages
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import SHOWN_AS, TYPES, HttpProperties
from batchite.wire.blob.ranges import Span

MAX_LIST_BYTES = 16 * 1024 * 1024
"""Of one page of a list of pages"""
MAX_STRETCHES = 1_000_000
"""Of pages that were written, in one blob"""

_TYPES: Mapping[str, Type] = {"AppendBlob": "append", "PageBlob": "page"}
_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


@dataclass(frozen=True, slots=True)
class Target:
    """What a source's answer says of the blob to be; `etag` is "" for what is no blob."""

    size: int
    properties: HttpProperties
    metadata: bytes | None
    type: Type
    extras: Extras
    etag: str


def target_of(answer: Mapping[str, str]) -> Target:
    """Names as of `headers.known_name`. What no blob could have is left out."""
    fields = {field: answer[name.lower()] for field, name in SHOWN_AS if answer.get(name.lower())}
    kind = answer.get("x-ms-blob-type", "")
    return Target(
        numbers.read_foreign(answer.get("content-length")),
        HttpProperties(**fields),
        encode_metadata(_metadata(answer)),
        _TYPES.get(kind, "block"),
        Extras(
            appends=numbers.read_foreign(answer.get("x-ms-blob-committed-block-count")),
            sealed=answer.get("x-ms-blob-sealed", "").lower() == "true",
            sequence=numbers.read_foreign(answer.get("x-ms-blob-sequence-number")),
        ),
        answer.get("etag", "") if kind in TYPES.values() else "",
    )


def _metadata(answer: Mapping[str, str]) -> dict[str, str]:
    """What a blob could have of it; nothing at all if together it is more than a blob can have."""
    try:
        return headers.metadata(header for header in answer.items() if _is_possible(header))
    except BlobError:
        return {}


def _is_possible(header: tuple[str, str]) -> bool:
    try:
        headers.metadata([header])
    except BlobError:
        return False
    return True


def without_signature(url: str) -> str:
    """To be shown to whoever may read the blob."""
    parts = urlsplit(url)
    kept = [part for part in parts.query.split("&") if part.startswith(("snapshot=", "versionid="))]
    return parts._replace(query="&".join(kept), fragment="").geturl()


class Plan(msgspec.Struct, frozen=True):
    """What is to be read, the headers to send, and what blob it makes."""

    url: str
    headers: dict[str, str]
    type: Type = "block"
    size: int = 0


def plan(url: str, sent: Mapping[str, str], target: Target) -> Plan:
    """How to read what has been looked at, and nothing that has taken its place meanwhile."""
    if target.etag:
        sent = {name: value for name, value in sent.items() if name not in _CONDITIONS}
        sent["if-match"] = target.etag
    return Plan(url, dict(sent), target.type, target.size)


async def stretches(origins: Origins, plan: Plan) -> list[Span] | None:
    """The pages of a page blob that were written; None for what is read as a whole.

    Raises OriginFailed and BlobError.
    """
    if plan.type != "page":
        return None
    found: list[Span] = []
    marker: str | None = ""
    while marker is not None:
        document = await _page_list(origins, plan, marker)
        more, marker = pages.parse(document)
        found += more
        if len(found) > MAX_STRETCHES:
            raise OriginFailed(f"the source has more than {MAX_STRETCHES:,} stretches of pages")
    return _checked(found, plan.size)


def _checked(found: list[Span], size: int) -> list[Span]:
    """Raises OriginFailed unless they are in order and within the blob."""
    end = 0
    for span in found:
        if not end <= span.start < span.end <= size:
            raise OriginFailed("the source's list of pages is not in order")
        end = span.end
    return found


async def _page_list(origins: Origins, plan: Plan, marker: str) -> bytes:
    query = "comp=pagelist" + (f"&marker={quote(marker, safe='')}" if marker else "")
    url = f"{plan.url}{'&' if '?' in plan.url else '?'}{query}"
    document = bytearray()
    async with origins.fetch("GET", url, plan.headers) as fetched:
        if fetched.status != 200:
            raise OriginFailed(f"{fetched.status} when listing the source's pages")
        async for chunk in fetched.chunks:
            document += chunk
            if len(document) > MAX_LIST_BYTES:
                raise OriginFailed("the source's list of pages is too long")
    return bytes(document)


async def read(
    origins: Origins, plan: Plan, spans: list[Span] | None, reached: Callable[[int], None]
) -> AsyncGenerator[bytes, None]:
    """The content, or that of these stretches, one after the other; `reached` is told positions.

    Raises OriginFailed and BlobError.
    """
    for span in [None] if spans is None else spans:
        position = span.start if span else 0
        async with _opened(origins, plan, span) as chunks:
            async for chunk in chunks:
                yield chunk
                position += len(chunk)
                reached(position)
        if span and position != span.end:
            raise OriginFailed("the source sent a range of another length")


@asynccontextmanager
async def _opened(
    origins: Origins, plan: Plan, span: Span | None
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    wanted = {"x-ms-range": f"bytes={span.start}-{span.end - 1}"} if span else {}
    async with origins.fetch("GET", plan.url, {**plan.headers, **wanted}) as fetched:
        if fetched.status != (206 if span else 200):
            raise OriginFailed(f"{fetched.status} when reading the source")
        yield fetched.chunks
