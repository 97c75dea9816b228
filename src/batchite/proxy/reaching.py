"""Connections to the services, and to whatever else a client asks for."""

from __future__ import annotations

import asyncio
import shlex
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import h11

from batchite.configuration import endpoints
from batchite.configuration.endpoints import Service
from batchite.proxy.outside import NextProxy, Outside
from batchite.proxy.pipes import Pipe
from batchite.proxy.problems import RefusedError

P = TypeVar("P", bound=Pipe)

CONNECT_SECONDS = 30.0
MAX_HEAD_BYTES = 64 * 1024


class Services:
    """The services of a data directory, where they are at each moment."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def connect(self, service: Service) -> Pipe:
        """Raises RefusedError."""
        found = endpoints.load(self._data_dir)
        url = found.of_those_serving.url(service) if found else None
        if found is None or url is None:
            raise self._away(service, "it has not been started")
        trust = ssl.create_default_context(cafile=found.bundle or None) if found.tls else None
        try:
            async with _patience():
                return await _open(Pipe, found.client_host, found.port(service) or 0, trust)
        except (OSError, TimeoutError) as error:
            raise self._away(service, _reason(error)) from None

    def _away(self, service: Service, reason: str) -> RefusedError:
        return RefusedError(
            HTTPStatus.BAD_GATEWAY,
            f"the {service.capitalize()} service cannot be reached ({reason}); "
            f"start it with: batchite serve --data-dir {shlex.quote(str(self._data_dir))}",
        )


async def tunnel(outside: Outside, host: str, port: int) -> Pipe:
    """A connection to any host, by the next proxy where there is one. Raises RefusedError."""
    proxy = outside.proxy("https", host, port)
    if proxy is None:
        return await _reach(Pipe, host, port)
    through = await _reach(lambda: _Through(host, port, proxy), proxy.host, proxy.port, proxy.tls)
    try:
        async with _patience():
            return await through.joined()
    except BaseException:
        through.transport.abort()
        raise


async def plain(outside: Outside, host: str, port: int) -> tuple[Pipe, NextProxy | None]:
    """A connection for a request of plain HTTP, and the proxy that it leads to, if it does. Raises
    RefusedError."""
    proxy = outside.proxy("http", host, port)
    if proxy is None:
        return await _reach(Pipe, host, port), None
    return await _reach(Pipe, proxy.host, proxy.port, proxy.tls), proxy


class _Through(Pipe):
    """A connection to a proxy, which is asked to lead on."""

    def __init__(self, host: str, port: int, proxy: NextProxy) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        headers = [("Host", place)]
        if proxy.authorization:
            headers.append(("Proxy-Authorization", proxy.authorization))
        self._place = place
        self._request = h11.Request(method="CONNECT", target=place, headers=headers)
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def joined(self) -> Pipe:
        """Itself, when the proxy has agreed. Raises RefusedError."""
        self.transport.write(self._http.send(self._request) or b"")
        self.transport.resume_reading()
        await self._answer
        return self

    def data_received(self, data: bytes) -> None:
        if self._answer.done():
            return super().data_received(data)
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            return self._fail(f"cannot be understood: {error}")
        if isinstance(event, h11.Response):
            if event.status_code // 100 != 2:
                return self._fail(f"said {event.status_code} {event.reason.decode('latin-1')}")
            self.transport.pause_reading()
            self._answer.set_result(None)

    def join(self, other: Pipe) -> None:
        super().join(other)
        other.write(self._http.trailing_data[0])

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("closed the connection")
        super().connection_lost(error)

    def _fail(self, what: str) -> None:
        if not self._answer.done():
            self._answer.set_exception(
                RefusedError(HTTPStatus.BAD_GATEWAY, f"the next proxy, asked for {self._place}, {what}")
            )


async def _reach(make: Callable[[], P], host: str, port: int, tls: bool = False) -> P:
    """Raises RefusedError."""
    try:
        async with _patience():
            return await _open(make, host, port, ssl.create_default_context() if tls else None)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise RefusedError(
            HTTPStatus.BAD_GATEWAY, f"{host} port {port} cannot be reached: {_reason(error)}"
        ) from None


async def _open(make: Callable[[], P], host: str, port: int, trust: ssl.SSLContext | None) -> P:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(make, host, port, ssl=trust)
    return protocol


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    async with asyncio.timeout(CONNECT_SECONDS):
        yield


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {CONNECT_SECONDS:g} seconds"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
