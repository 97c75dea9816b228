"""Listening on an address.

The caller's event loop is used, whichever it is (the services run on uvloop).
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from batchite.link.framing import MAX_FRAME_BYTES
from batchite.web.guard import Fallback
from batchite.web.protocol import BODY_SECONDS, HEAD_SECONDS, Protocol

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 120
"""Longer than clients keep idle connections in their pools, so that they rarely meet a closed one."""
GRACE_SECONDS = 5
"""How long `stop` waits for requests under way."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _websocket(*arguments: Any, **options: Any) -> asyncio.Protocol:
    """Imports what few need at the first WebSocket: none ever comes to the Blob service."""
    from batchite.web.websocket import WebSocketProtocol

    return WebSocketProtocol(*arguments, **options)


class _Server(uvicorn.Server):
    """Leaves signals to the process and tells when it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self._leaving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """Until told to leave: there is nothing to do every second, since answers are dated one by one."""
        await self._leaving.wait()


class Listener:
    """Serves `app` on `sock`, HTTP and WebSocket.

    Forwarding headers are believed only from `trusted_proxies` (addresses or networks); from nobody
    if there are none. `errors` makes the answer to what cannot be read as HTTP. With `tls` the address
    speaks HTTPS only. A request whose headers take longer than `head_seconds` is refused, and one of
    whose body nothing comes for `body_seconds`.
    """

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        *,
        trusted_proxies: Sequence[str] = (),
        errors: Fallback | None = None,
        tls: ssl.SSLContext | None = None,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._sock = sock
        settings: dict[str, Any] = {
            "http": functools.partial(
                Protocol, errors=errors, head_seconds=head_seconds, body_seconds=body_seconds
            ),
            "ws": _websocket,
            "ws_per_message_deflate": False,
            "ws_max_size": MAX_FRAME_BYTES,
            "lifespan": "off",
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "date_header": False,
            "proxy_headers": bool(trusted_proxies),
            "forwarded_allow_ips": list(trusted_proxies),
            "backlog": BACKLOG,
            "timeout_keep_alive": KEEP_ALIVE_SECONDS,
            "timeout_graceful_shutdown": GRACE_SECONDS,
        }
        config = uvicorn.Config(app, **settings)
        config.load()
        config.ssl = tls
        self._server = _Server(config)
        self._running: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._sock.getsockname()[:2]
        return host, port

    async def start(self) -> None:
        """Returns once connections are accepted; raises what prevented that."""
        self._running = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        accepting = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait((self._running, accepting), return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        if self._running.done():
            await self._running
            raise RuntimeError("the listener ended before it accepted a connection")

    async def stop(self) -> None:
        """Accept nothing new, let requests under way finish, close the socket. Can be called twice."""
        if self._running is not None:
            self._server.leave()
            await self._running
            self._running = None
        self._sock.close()
