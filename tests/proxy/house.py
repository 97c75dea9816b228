"""A data directory whose Blob service tells what it was asked, and ways there."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from batchite.configuration import accounts, endpoints
from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS
from batchite.configuration.endpoints import Endpoints
from batchite.proxy.connection import Leading
from batchite.proxy.listener import Listener
from batchite.proxy.names import Names
from batchite.proxy.outside import Outside
from batchite.proxy.reaching import Services
from batchite.proxy.server import Server
from batchite.tls.authority import Authority

BLOB = "devstoreaccount1.blob.core.windows.net"
SECRET = "a-secret_of.the-command"


class House:
    """A data directory whose Blob service tells what it was asked, and a proxy before it."""

    def __init__(self, data_dir: Path, signer: Authority) -> None:
        self.data_dir = data_dir
        self.signer = signer
        self.said: list[str] = []
        self.service_port = 0

    @asynccontextmanager
    async def proxy(
        self, *, offline: bool = False, proxies: dict[str, str] | None = None
    ) -> AsyncIterator[int]:
        """Its port."""
        leading = Leading(
            Names(DEVELOPMENT_ACCOUNTS, offline=offline),
            Services(self.data_dir),
            Outside(proxies or {}),
            self.signer,
            SECRET,
            lambda _, sentence: self.said.append(sentence),
        )
        listening = endpoints.listen("127.0.0.1", 0)
        server = Server(leading, listening)
        await server.start()
        try:
            yield listening.getsockname()[1]
        finally:
            await server.stop()

    @asynccontextmanager
    async def listener(self) -> AsyncIterator[int]:
        """Its port."""
        listening = endpoints.listen("127.0.0.1", 0)
        services = Services(self.data_dir)
        listener = Listener(DEVELOPMENT_ACCOUNTS, services, self.signer, listening, self.said.append)
        await listener.start()
        try:
            yield listening.getsockname()[1]
        finally:
            await listener.stop()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.signer.file)


async def told(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    heads = [f"{name.decode()}: {value.decode()}" for name, value in request.raw_headers]
    return web.json_response({"asked": request.raw_path, "heads": heads, "length": len(body)})


@asynccontextmanager
async def opened(data_dir: Path, signer: Authority) -> AsyncIterator[House]:
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", told)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    house = House(data_dir, signer)
    house.service_port = runner.addresses[0][1]
    accounts.save(DEVELOPMENT_ACCOUNTS, data_dir)
    endpoints.save(Endpoints(host="127.0.0.1", blob_port=house.service_port, serving=("blob",)), data_dir)
    yield house
    await runner.cleanup()
