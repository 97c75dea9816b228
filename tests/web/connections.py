"""Listeners for tests that speak to sockets, on both event loops."""

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import trustme
from starlette.types import ASGIApp
from tests.web.test_listener import HOSTS, errors

from batchite.web.guard import Guard
from batchite.web.listener import Listener, bind
from batchite.web.protocol import BODY_SECONDS

Run = Callable[[Coroutine[Any, Any, None]], None]


@asynccontextmanager
async def serving(
    app: ASGIApp, tls: ssl.SSLContext | None = None, *, body_seconds: float = BODY_SECONDS
) -> AsyncIterator[Listener]:
    guard = Guard(app, own={}, errors=errors, hosts=HOSTS)
    sock = bind("127.0.0.1", 0)
    listener = Listener(guard, sock, errors=errors, tls=tls, body_seconds=body_seconds)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


def encrypted() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server, and of a client that trusts it."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client
