"""Answers of the Blob service and how they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from functools import lru_cache

import msgspec
from starlette.types import Message, Receive, Scope, Send

from batchite.blobs.content.base import Stretch
from batchite.blobs.content.reading import Stream
from batchite.blobs.structured import Encoded
from batchite.web import zerocopy
from batchite.web.problems import RETRY_SECONDS
from batchite.web.spelled import Spelled
from batchite.wire.blob import dates, errors, websites
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import METADATA_PREFIX, SHOWN_AS, HttpProperties
from batchite.wire.ticks import Timestamp

Headers = list[tuple[str, str]]
XML: Headers = [("Content-Type", "application/xml")]
HTML: Headers = [("Content-Type", "text/html")]
_Parts = AsyncGenerator[bytes | Stretch, None]


class Answer(msgspec.Struct, frozen=True):
    """`body` is sent with its length; `stream` is sent instead if there is one, and the headers then
    have the length. `done` is called when nothing more is read from the stream."""

    status: int
    headers: Headers
    body: bytes = b""
    stream: Stream | Encoded | None = None
    done: Callable[[], None] | None = None


def changed(status: int, modified: int, *more: tuple[str, str]) -> Answer:
    """What most changes answer: when it was, and the ETag from now on."""
    return Answer(status, [*version_headers(modified), *more])


def version_headers(modified: int) -> Headers:
    return [("Last-Modified", dates.http_date(modified)), ("ETag", dates.etag(modified))]


def version_id(version: int | None) -> Headers:
    """Only shown where versions are kept."""
    return [] if version is None else [("x-ms-version-id", dates.moment(version))]


def metadata_headers(metadata: Iterable[tuple[str, str]]) -> Headers:
    return [(METADATA_PREFIX + name, value) for name, value in metadata]


def property_headers(properties: HttpProperties) -> Headers:
    """All but the MD5, which is shown in different ways."""
    return [(header, value) for field, header in SHOWN_AS if (value := getattr(properties, field))]


def failure(error: BlobError, request_id: str, now: Timestamp) -> Answer:
    return _failure(error, XML, errors.body(error, request_id, now))


def failure_page(error: BlobError, request_id: str, now: Timestamp) -> Answer:
    """For a browser."""
    return _failure(error, HTML, websites.page(error, request_id, now))


def _failure(error: BlobError, form: Headers, body: bytes) -> Answer:
    """The error's own form; a 304 has no body."""
    headers = [("x-ms-error-code", error.code), *error.headers]
    if error.status == 503:
        headers.append(("Retry-After", str(RETRY_SECONDS)))
    if error.status == 304:
        return Answer(304, headers)
    return Answer(error.status, [*headers, *form], body)


async def send(answer: Answer, common: Headers, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends status and headers once the first piece of a stream is there, so that content which
    cannot be read is an error and not a broken answer."""
    if answer.stream is not None and scope["method"] != "HEAD":
        sends_files = zerocopy.EXTENSION in scope.get("extensions", ())
        parts = answer.stream.parts() if sends_files else answer.stream.chunks()
        await _send_stream(answer, common, parts, receive, send)
        return
    headers = [*common, *answer.headers]
    if answer.status not in (204, 304) and answer.stream is None and not _has_length(answer.headers):
        headers.append(("Content-Length", str(len(answer.body))))
    await send(_start(answer.status, headers))
    await send({"type": "http.response.body", "body": answer.body})


async def _send_stream(answer: Answer, common: Headers, parts: _Parts, receive: Receive, send: Send) -> None:
    async with aclosing(parts):
        first = await anext(parts, b"")
        await send(_start(answer.status, [*common, *answer.headers]))
        await send(_part(first))
        await _send_rest(parts, receive, send)


async def _send_rest(parts: _Parts, receive: Receive, send: Send) -> None:
    leaving = asyncio.ensure_future(_left(receive))
    try:
        async for part in parts:
            if leaving.done():  # sending would go on without effect, to the end of the blob
                return
            await send(_part(part))
        await send({"type": "http.response.body", "body": b""})
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _has_length(headers: Headers) -> bool:
    return any(name == "Content-Length" for name, _ in headers)


def _part(part: bytes | Stretch) -> Message:
    if isinstance(part, bytes):
        return {"type": "http.response.body", "body": part, "more_body": True}
    where = {"file": part.descriptor, "offset": part.start, "count": part.length}
    return {"type": zerocopy.EXTENSION, **where, "more_body": True}


def _start(status: int, headers: Headers) -> Message:
    raw = [(_header(name), value.encode("latin-1", "replace")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": raw}


@lru_cache(maxsize=512)
def _header(name: str) -> bytes:
    if name.startswith(METADATA_PREFIX):
        return Spelled(name.encode("latin-1"))
    return name.lower().encode("latin-1")
