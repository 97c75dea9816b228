"""One connection of a client to the proxy: what it asks for is read, and then it is led there.

`CONNECT` to a name of ours ends TLS here, with a certificate of that name, and goes on to the service as it
comes; the service itself knows the cloud's names. Everything else is a tunnel that nobody looks into. A
request of plain HTTP is passed on alone: only its head is changed, and the connection ends with its answer.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from batchite.configuration.endpoints import Service
from batchite.proxy import reaching
from batchite.proxy.names import Names
from batchite.proxy.outside import NextProxy, Outside
from batchite.proxy.pipes import Pipe
from batchite.proxy.problems import RefusedError
from batchite.proxy.reaching import MAX_HEAD_BYTES, Services
from batchite.proxy.variables import USER
from batchite.tls.authority import Authority
from batchite.tls.identity import TRUSTING

HEAD_SECONDS = 10.0
"""How long the head of a request may take to come."""
KNOWN_HOSTS = 256
"""Whose certificates are kept."""
_HTTP = 80
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_HOP = {b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"upgrade", b"host"}
"""Headers of this connection alone, and the one that is made anew."""


class Leading:
    """What all connections share. Only who knows `secret` is served; `say` hears of every refusal."""

    def __init__(
        self,
        names: Names,
        services: Services,
        outside: Outside,
        authority: Authority,
        secret: str,
        say: Callable[[str, str], None],
    ) -> None:
        self.names = names
        self.services = services
        self.outside = outside
        self.context = lru_cache(maxsize=KNOWN_HOSTS)(lambda host: authority.context([host]))
        self.say = say
        self._credential = b64encode(f"{USER}:{secret}".encode())

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raises RefusedError."""
        given = next((value for name, value in headers if name == b"proxy-authorization"), b"")
        scheme, _, credential = given.partition(b" ")
        if scheme.lower() != b"basic" or not hmac.compare_digest(credential.strip(), self._credential):
            raise RefusedError(
                HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
                "this proxy is for those who know its user and password, from HTTPS_PROXY",
            )


class Place(NamedTuple):
    host: str
    port: int


class Connection(Pipe):
    """Reads a request, then is a pipe. `closed` is called when it is no more."""

    def __init__(self, leading: Leading, closed: Callable[[Connection], None]) -> None:
        self._leading = leading
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._onward: h11.Connection | None = None
        """of a request of plain HTTP that is being passed on"""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.resume_reading()
        self._deadline = self._loop.call_later(HEAD_SECONDS, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._onward is not None:
            if self._http.their_state is not h11.DONE:
                self._http.receive_data(data)
                self._pass_on(self._onward)
        elif self._task is not None:
            super().data_received(data)
        else:
            self._read(data)

    def eof_received(self) -> bool:
        return super().eof_received() if self.other is not None else False

    def connection_lost(self, error: Exception | None) -> None:
        self._deadline.cancel()
        if self._task is not None:
            self._task.cancel()
        super().connection_lost(error)
        self._closed(self)

    def _read(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            return self._refuse(RefusedError(HTTPStatus.BAD_REQUEST, f"this is no request: {error}"))
        if isinstance(event, h11.Request):
            self._deadline.cancel()
            self.transport.pause_reading()
            self._task = self._loop.create_task(self._lead(event))

    async def _lead(self, request: h11.Request) -> None:
        try:
            self._leading.check(request.headers)
            if request.method == b"CONNECT":
                await self._tunnel(tunnelled(request.target))
            else:
                await self._forward(request)
        except RefusedError as refusal:
            self._refuse(refusal)
        except h11.LocalProtocolError as error:
            self._refuse(RefusedError(HTTPStatus.BAD_REQUEST, f"this cannot be passed on: {error}"))

    async def _tunnel(self, place: Place) -> None:
        """Raises RefusedError."""
        leading = self._leading
        service = leading.names.service(place.host)
        if service is None:
            self._open(await reaching.tunnel(leading.outside, *place))
            return
        if place.port != _HTTP and self._http.trailing_data[0]:
            sentence = "something was sent before the tunnel was there"
            raise RefusedError(HTTPStatus.BAD_REQUEST, sentence)
        far = await leading.services.connect(service)
        if place.port == _HTTP:
            self._open(far)
        else:
            await self._open_tls(far, place.host)

    def _open(self, far: Pipe) -> None:
        self._agree(far)
        far.write(self._http.trailing_data[0])
        self.flow()

    async def _open_tls(self, far: Pipe, host: str) -> None:
        self._agree(far)
        try:
            context = self._leading.context(host)
            self.transport = await self._loop.start_tls(  # type: ignore[assignment]
                self.transport, self, context, server_side=True
            )
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            self._leading.say(host, _given_up(host, error))
            return self._end()
        self.flow()

    def _agree(self, far: Pipe) -> None:
        self.join(far)
        self.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def _forward(self, request: h11.Request) -> None:
        """Raises RefusedError."""
        place = requested(request.target)
        service = self._leading.names.service(place.host)
        far, proxy = await self._connect(service, place)
        self.join(far)
        self._onward = h11.Connection(h11.CLIENT)
        far.write(self._onward.send(passed_on(request, proxy)) or b"")
        self._pass_on(self._onward)
        self.flow()

    async def _connect(self, service: Service | None, place: Place) -> tuple[Pipe, NextProxy | None]:
        if service is None:
            return await reaching.plain(self._leading.outside, *place)
        return await self._leading.services.connect(service), None

    def _pass_on(self, onward: h11.Connection) -> None:
        """What has come of the request's body. What comes after its end is nobody's."""
        try:
            while isinstance(event := self._http.next_event(), h11.Data | h11.EndOfMessage):
                if self.other is not None:
                    self.other.write(onward.send(event) or b"")
        except h11.ProtocolError:
            self._end()

    def _refuse(self, refusal: RefusedError) -> None:
        if refusal.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            self._leading.say(str(refusal), str(refusal))
        self.write(refusal.answer())
        self.transport.close()


_HEED = f"it has to heed one of {', '.join(TRUSTING)}"
_TRUST = f"to trust the certificate {_HEED}"


def _given_up(host: str, error: Exception) -> str:
    """What is known of a handshake that failed: many programs say why, and others just close."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return f"a program has given up TLS with {host} ({_reason(error)}); {_TRUST}"
    return f"a program has left {host} before TLS had begun: it has ended, or to trust us {_HEED}"


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else str(error)
    return (reason or type(error).__name__).lower().replace("_", " ")


def tunnelled(target: bytes) -> Place:
    """Where `CONNECT` leads. Raises RefusedError."""
    host, port = _split(f"//{target.decode('ascii', 'replace')}")
    if not host or port is None:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "CONNECT wants a host and a port, such as example.org:443")
    return Place(host, port)


def requested(target: bytes) -> Place:
    """Where a request of plain HTTP goes. Raises RefusedError."""
    text = target.decode("ascii", "replace")
    host, port = _split(text)
    if not text.lower().startswith("http://") or not host:
        sentence = "this is a proxy: it is asked for a whole URL that begins with http://, or by CONNECT"
        raise RefusedError(HTTPStatus.BAD_REQUEST, sentence)
    return Place(host, port or _HTTP)


def passed_on(request: h11.Request, proxy: NextProxy | None) -> h11.Request:
    """The request as the server gets it, or the next proxy."""
    netloc, slash, rest = _pieces(request.target)
    target = request.target if proxy else slash + rest
    left_out = _of_this_way(request)
    kept = [
        (name, value)
        for (name, value), (key, _) in zip(request.headers.raw_items(), request.headers, strict=True)
        if key not in left_out
    ]
    headers = [(b"Host", netloc.rpartition(b"@")[2]), *kept, (b"Connection", b"close")]
    if proxy and proxy.authorization:
        headers.append((b"Proxy-Authorization", proxy.authorization.encode()))
    return h11.Request(method=request.method, target=target, headers=headers)


def _of_this_way(request: h11.Request) -> set[bytes]:
    """Headers that are not passed on; of two that say where the body ends, only one is."""
    given = {key for key, _ in request.headers}
    named = {
        name.strip().lower()
        for key, value in request.headers
        if key == b"connection"
        for name in value.split(b",")
    }
    second = {_LENGTH} if _CODING in given else set()
    return (named - {_LENGTH, _CODING}) | _HOP | second


def _pieces(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Host with port, then what is asked for there, in two parts of which the first is a slash."""
    rest = target.split(b"://", 1)[1]
    end = min((index for mark in b"/?#" if (index := rest.find(bytes([mark]))) >= 0), default=len(rest))
    return rest[:end], b"/", rest[end:].partition(b"#")[0].removeprefix(b"/")


def _split(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return "", None
