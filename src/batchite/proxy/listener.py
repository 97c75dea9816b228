"""TLS under the cloud's names on an address of one's own, for machines whose hosts file leads there.

What such a machine needs beside: the lines of its hosts file (`names.HostLines`), and the bundle by which its
programs trust the certificates (`certificates.write_cloud_bundle`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache
from weakref import WeakKeyDictionary

from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.endpoints import Service
from batchite.proxy.names import service_of
from batchite.proxy.pipes import Pipe
from batchite.proxy.problems import RefusedError
from batchite.proxy.reaching import Services
from batchite.tls.authority import Authority

KNOWN_HOSTS = 256
"""Whose certificates are kept."""


class Listener:
    """Joins whoever connects with the service whose name they ask for; `say` hears of services that are away.
    A name that is none of ours gets no certificate, and with it no connection."""

    def __init__(
        self,
        accounts: KnownAccounts,
        services: Services,
        authority: Authority,
        listening: socket.socket,
        say: Callable[[str], None],
    ) -> None:
        self._accounts = accounts
        self._services = services
        self._listening = listening
        self._say = say
        self._made = lru_cache(maxsize=KNOWN_HOSTS)(lambda host: authority.context([host]))
        self._service_of: WeakKeyDictionary[ssl.SSLContext, Service] = WeakKeyDictionary()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        first.sni_callback = self._choose
        make = lambda: _Arriving(self)  # noqa: E731
        self._server = await loop.create_server(make, sock=self._listening, ssl=first)

    async def stop(self) -> None:
        """Connections that are open stay until one of their sides ends them."""
        self._server.close()

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, host: str | None, _first: ssl.SSLContext
    ) -> int | None:
        """During the handshake: the certificate of the name that was asked for."""
        service = service_of(host, self._accounts) if host else None
        if host is None or service is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = context = self._made(host.lower())
        self._service_of[context] = service
        return None

    async def lead(self, arriving: _Arriving) -> None:
        """After it."""
        context = arriving.transport.get_extra_info("ssl_object").context
        try:
            far = await self._services.connect(self._service_of[context])
        except RefusedError as refusal:
            self._say(str(refusal))
            arriving.write(refusal.answer())
            arriving.transport.close()
            return
        arriving.join(far)
        arriving.flow()


class _Arriving(Pipe):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._task = asyncio.get_running_loop().create_task(self._listener.lead(self))

    def connection_lost(self, error: Exception | None) -> None:
        self._task.cancel()
        super().connection_lost(error)
