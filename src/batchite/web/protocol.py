"""HTTP/1.1 on one connection: bounds, refusals of the service's own form, and names as they were spelled."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from batchite.web import dating, exhaustion, zerocopy
from batchite.web.bodies import LEAST_BYTES, Body
from batchite.web.guard import OWN_PREFIX, Fallback
from batchite.web.joined import join, part
from batchite.web.problems import BodyIncomplete, MalformedRequest, NotHttp, Unavailable, WebProblem
from batchite.web.request import BODY_KEY, FOR_CLIENT_KEY, SPELLED_KEY, new_request_id

MAX_HEAD_BYTES = 256 * 1024
"""Request line and headers together, or trailers; a bound on what a stranger can make us keep."""
HEAD_SECONDS = 30.0
"""How long a request's line and headers may take to come."""
BODY_SECONDS = 60.0
"""How long nothing may come of a body that is being read; it may take up to twice as long to be noticed."""
TURNED_AWAY_SECONDS = 2.0
"""The same for a connection that is answered nothing else than that there are too many."""
_OWN = OWN_PREFIX.encode()
_CODING = b"transfer-encoding"
_LENGTH_DIGITS = 20
"""More than any length has; the parser takes zeros without end, and Python reads no such number."""
_EXTENSIONS: dict[str, dict[object, object]] = {zerocopy.EXTENSION: {}}
"""of connections without TLS"""


class Protocol(HttpToolsProtocol):
    """`errors` makes the answer to what is no HTTP request; without it a line of text says so.

    The parser itself has no limit on the size of headers, and ASGI has header names in lower case, so
    other spellings are kept beside, below `SPELLED_KEY`.
    """

    _deadline: asyncio.TimerHandle | None = None
    """when the head has to be there; none while there is one, or nothing has come since the last answer"""
    _look: asyncio.TimerHandle | None = None
    """when it is looked whether anything has come of a body; none without one"""
    heard = 0
    """bytes that have come"""
    _heard_before = 0
    """this head, or up to the last piece of body"""
    _in_head = True
    _rejected = False

    def __init__(
        self,
        *arguments: Any,
        errors: Fallback | None = None,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self._errors = errors
        self._head_seconds = head_seconds
        self._body_seconds = body_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if exhaustion.is_reserved(transport.get_extra_info("socket").fileno()):
            self.app = self._turn_away
            self._head_seconds = min(self._head_seconds, TURNED_AWAY_SECONDS)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing refers back to this afterwards: what a request had received is freed with the request."""
        self._forget_deadline()
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                part(cycle)
        self.pipeline.clear()
        self.scope = self.cycle = None  # type: ignore[assignment]

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection is kept: who sends no more may still wait for an answer."""
        cycle = self.cycle
        if not self._in_head or cycle is None or cycle.response_complete or self.scheme == "https":
            return False
        if cycle.scope.get(FOR_CLIENT_KEY):
            return False
        cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        if self._rejected:
            return
        if self.heard - self._heard_before > MAX_HEAD_BYTES:
            self._reject(NotHttp(f"Its headers are longer than {MAX_HEAD_BYTES} bytes."))
            return
        self.heard += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._rejected:
            return
        if not self._in_head:
            if self._look is None:
                self._look_later()
        elif self.heard > self._heard_before and self._deadline is None:
            self._expect_head()

    def _feed(self, data: bytes) -> None:
        """Of a request with `Upgrade` the parser reads the head and leaves what follows to another protocol.

        HTTP lets a server ignore that header, so another parser is given the head without it.
        """
        pieces: list[bytes | memoryview] = [data]
        while pieces:
            piece = pieces.pop()
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserError as error:
                return self._reject(_problem(error))
            except httptools.HttpParserUpgrade as pause:
                if self.scope["method"] == "CONNECT":
                    return self._reject(NotHttp("CONNECT asks for a tunnel, and this is no proxy."))
                if self._opens_websocket():
                    return self.handle_websocket_upgrade()
                self._renew_parser()
                pieces += [memoryview(piece)[pause.args[0] :], self._head_without_upgrade()]

    def _should_upgrade(self) -> bool:
        """Nothing begins with such a head before `_feed` has decided."""
        return True

    def _opens_websocket(self) -> bool:
        """Among the own endpoints only, and not while an earlier request is being answered."""
        is_idle = self.cycle is None or self.cycle.response_complete
        return is_idle and self.url.startswith(_OWN) and self._get_upgrade() == b"websocket"

    def _head_without_upgrade(self) -> bytes:
        verb, version = self.scope["method"].encode(), self.scope["http_version"].encode()
        kept = [(name, value) for name, value in self.headers if name != b"upgrade"]
        lines = [b"%b: %b\r\n" % (self._spelled.get(name, name), value) for name, value in kept]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (verb, self.url, version, b"".join(lines))

    def _renew_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self._head_seconds, self._too_slow)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        """A stranger who says nothing, or not enough, must not keep a connection for ever."""
        self._deadline = None
        if self.heard > self._heard_before and not self.transport.is_closing():
            self._reject(NotHttp(f"Its headers did not come within {self._head_seconds:g} seconds."))
        else:
            self.transport.close()

    def _look_later(self) -> None:
        """Nothing is missing as long as nothing is read, or the client waits for a word of ours."""
        waits = self.flow.read_paused or self.cycle.waiting_for_100_continue
        heard = None if waits else self.heard
        self._look = self.loop.call_later(self._body_seconds, self._look_for_body, heard)

    def _look_for_body(self, heard_before: int | None) -> None:
        self._look = None
        if self._in_head or self.transport.is_closing():
            return
        if self.heard != heard_before:
            self._look_later()
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            self._reject(BodyIncomplete(f"Nothing came of the body for {self._body_seconds:g} seconds."))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._spelled: dict[bytes, bytes] = {}
        if self.scheme == "http":
            self.scope["extensions"] = _EXTENSIONS
            self.scope[BODY_KEY] = self.take_body  # type: ignore[literal-required]
        self.scope[SPELLED_KEY] = self._spelled  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # a trailer, for which nobody has a use
            return
        if not name.islower():
            self._spelled.setdefault(name.lower(), name)
        if len(value) > _LENGTH_DIGITS and name.lower() == b"content-length":
            raise NotHttp(f"Its Content-Length has more than {_LENGTH_DIGITS} characters.")
        if (
            len(name) == len(_CODING)
            and name.lower() == _CODING
            and value.strip(b" \t").lower() != b"chunked"
        ):
            raise NotHttp(f"Its Transfer-Encoding is {value[:100]!r}; of these only chunked can be read.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._heard_before = self.heard
        self._forget_deadline()
        super().on_headers_complete()
        join(self.transport, self.cycle)

    def on_body(self, body: bytes) -> None:
        self._heard_before = self.heard
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._heard_before = self.heard
        super().on_message_complete()

    def take_body(self, scope: Scope, received: int) -> Body | None:
        """What is to come of the body of this request, of which so many bytes came, if that is long."""
        cycle = self.cycle
        if scope is not self.scope or not cycle.more_body or cycle.body or self.transport.is_closing():
            return None
        announced = next((value for name, value in self.headers if name == b"content-length"), b"0")
        rest = int(announced) - received
        return Body(self, rest) if rest >= LEAST_BYTES else None

    def body_taken(self) -> None:
        """The end of the body has not passed through the parser; another one is for what follows."""
        self._renew_parser()
        self.on_message_complete()

    def _reject(self, problem: WebProblem) -> None:
        """Answer and close. An earlier request that is still being served keeps its answer for itself."""
        self._rejected = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:  # what cannot be read came after that request
                cycle.keep_alive = False
                return
            if cycle.response_started:
                self.transport.close()
                return
            cycle.disconnected = True  # whoever serves it writes nothing after this answer
            cycle.message_event.set()
        self.transport.write(self._answer(problem))
        self.transport.close()

    async def _turn_away(self, scope: Any, receive: Any, send: Any) -> None:
        """In place of the application, where too few descriptors are left for what is served already."""
        await self._last(Unavailable.lacking(exhaustion.DESCRIPTORS))(scope, receive, send)

    def _last(self, problem: WebProblem) -> Response:
        """The answer with which a connection ends."""
        response = self._errors(problem, new_request_id()) if self._errors else Response(f"{problem}\n", 400)
        response.headers["connection"] = "close"
        return response

    def _answer(self, problem: WebProblem) -> bytes:
        response = self._last(problem)
        lines = b"".join(b"%b: %b\r\n" % header for header in (*dating.now(), *response.raw_headers))
        reason = HTTPStatus(response.status_code).phrase
        return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (
            response.status_code, reason.encode(), lines, bytes(response.body),
        )  # fmt: skip


def _problem(error: httptools.HttpParserError) -> WebProblem:
    """Why the parser gave up: for a reason of its own, or for one of the methods above."""
    reason = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    if what := exhaustion.lacking(reason):
        return Unavailable.lacking(what)
    if isinstance(reason, httptools.HttpParserInvalidURLError):
        return MalformedRequest(f"The URL cannot be read: {reason}.")
    return NotHttp(f"{reason}.")
