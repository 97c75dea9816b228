"""A request as it came in."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote_plus
from uuid import uuid4

from starlette.types import Receive, Scope

from batchite.web import hosts
from batchite.web.bodies import Body
from batchite.web.problems import BodyIncomplete, BodyTooLarge, ClientGone, MalformedRequest

T = TypeVar("T")

REQUEST_ID_KEY = "batchite.request_id"
URL_KEY = "batchite.url"
"""in the scope, where the service has a public URL: its own for this request, without a path"""
BODY_KEY = "batchite.body"
"""in the scope, where a connection offers it: takes the rest of the body from it, see `bodies`"""
SPELLED_KEY = "batchite.spelled"
"""in the scope: for header names with capital letters the lower-case name and the name as sent"""
COMMON_KEY = "batchite.common_headers"
"""in the scope, once an application has failed: headers of every answer to the request, the guard's too"""
FOR_CLIENT_KEY = "batchite.for_client"
"""in the scope, once the request is worked on for its client alone: who sends no more is taken to be gone"""
KNOWN_QUERY_CHARACTERS = 1024
"""Clients send the same query, a signature above all, with many requests; longer ones are not kept."""
_PROCESS = str(uuid4())[:-12]
_numbers = itertools.count(random.getrandbits(40))


class _Query(NamedTuple):
    pairs: tuple[tuple[str, str], ...]
    parameters: Mapping[str, str]


def _query(raw: str) -> _Query:
    try:
        pairs = tuple(
            (unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
            for name, _, value in (part.partition("=") for part in raw.split("&") if part)
        )
    except UnicodeDecodeError:
        raise MalformedRequest("The query string is not UTF-8 when decoded.") from None
    return _Query(pairs, {name.lower(): value for name, value in reversed(pairs)})


_known_query = lru_cache(maxsize=256)(_query)


_checked = lru_cache(maxsize=256)(hosts.checked)


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = ",".join(values)
    return headers


def new_request_id() -> str:
    """A UUID that was not given before. It is no secret: its beginning is the process's, its end counts."""
    return f"{_PROCESS}{next(_numbers):012x}"


class Incoming:
    """A read-only view of an ASGI HTTP request; path and query are kept as sent, since signatures
    are over them.

    `headers` has names in lower case, and the values of one name joined by commas, each without the
    spaces and tabs around it, which to HTTP are no part of it; whatever else a value has is.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.verb: str = scope["method"]
        self.raw_path: str = scope["raw_path"].decode("ascii")
        self.raw_query: str = scope["query_string"].decode("latin-1")
        self.scheme: str = scope["scheme"]
        self.headers: Mapping[str, str] = _joined(scope["headers"])
        self.request_id: str = scope.get(REQUEST_ID_KEY) or new_request_id()

    def elsewhere(self, target: str) -> Incoming:
        """The same request for another path and query, as sent."""
        path, _, query = target.partition("?")
        scope = {**self._scope, "raw_path": path.encode("ascii"), "query_string": query.encode("latin-1")}
        return Incoming(scope, self._receive)

    def spelled(self, name: str) -> str:
        """The header's name, given in lower case, as the client wrote it (first)."""
        names: dict[bytes, bytes] = self._scope.get(SPELLED_KEY) or {}
        found = names.get(name.encode("latin-1"))
        return name if found is None else found.decode("latin-1")

    @property
    def client_address(self) -> str:
        """The peer's address; that of the original client if a trusted proxy says so; "" if unknown."""
        client = self._scope.get("client")
        return client[0] if client else ""

    @property
    def host(self) -> str:
        """The Host header, in use in every URL of an answer. Raises MalformedRequest if it is no host, or
        missing from a request of HTTP/1.1."""
        host = self.headers.get("host")
        if host is None:
            if self._scope.get("http_version") == "1.1":
                raise MalformedRequest("A request of HTTP/1.1 has a Host header; this one has none.")
            address, port = self._scope["server"]
            host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return _checked(host)

    @property
    def base_url(self) -> str:
        """Of the service as the client reaches it; every URL in an answer begins with it. Raises
        MalformedRequest, as `host` does."""
        return self._scope.get(URL_KEY) or f"{self.scheme}://{self.host}"

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        """Names and values in the order sent, decoded once (`+` is a space). Raises MalformedRequest."""
        return self._query.pairs

    @property
    def parameters(self) -> Mapping[str, str]:
        """Of the query: names in lower case, with the first value of each. Raises MalformedRequest."""
        return self._query.parameters

    @property
    def _query(self) -> _Query:
        raw = self.raw_query
        return _known_query(raw) if len(raw) <= KNOWN_QUERY_CHARACTERS else _query(raw)

    @property
    def announced(self) -> int | None:
        """Bytes of the body, if the client has said how many."""
        length = self.headers.get("content-length")
        return None if length is None else int(length)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in the pieces it comes in. Raises ClientGone and BodyIncomplete."""
        received, more = 0, True
        while more:
            chunk, more = await self._next()
            received += len(chunk)
            if chunk:
                yield chunk
        self._check_length(received)

    async def blocks(self) -> AsyncIterator[bytes | memoryview]:
        """The body likewise, most of a long one in views of buffers where the server can do that.

        A buffer is used again when nothing refers to its view any more. Raises ClientGone and BodyIncomplete.
        """
        take: Callable[[Scope, int], Body | None] | None = self._scope.get(BODY_KEY)
        received, more, rest = 0, True, None
        while more and rest is None:
            chunk, more = await self._next()
            received += len(chunk)
            if more and take is not None:
                rest = take(self._scope, received)
            if chunk:
                yield chunk
        if rest is not None:
            async for block in rest.blocks():
                received += len(block)
                yield block
        self._check_length(received)

    def _check_length(self, received: int) -> None:
        """Whatever the parser took for the end: nothing is acknowledged of which a part is missing."""
        announced = self.announced
        if announced is not None and announced != received:
            raise BodyIncomplete(f"{announced} bytes of body were announced, and {received} came.")

    async def _next(self) -> tuple[bytes, bool]:
        """What has come of the body, and whether there is more."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The connection was closed before the body was complete.")
        return message.get("body", b""), message.get("more_body", False)

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; it is cancelled if the client closes the connection before. For requests whose
        body nobody reads. Raises ClientGone."""
        self._scope[FOR_CLIENT_KEY] = True
        working, gone = asyncio.ensure_future(work), asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ClientGone("The connection was closed before there was an answer.")
            return await working
        finally:
            for task in (working, gone):
                task.cancel()
            await asyncio.gather(working, gone, return_exceptions=True)

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises BodyTooLarge, having kept no more than `limit` bytes, and as `stream`."""
        announced = self.announced
        if announced is not None and announced > limit:
            raise BodyTooLarge(limit, announced)
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit, None)
            chunks.append(chunk)
        return b"".join(chunks)
