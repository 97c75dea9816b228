"""A Blob service in the test's own process and event loop, behind a real listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from batchite.blobs.app import BlobApp, fallback
from batchite.blobs.content.base import Storage
from batchite.blobs.content.files import Files
from batchite.blobs.content.opening import open_storage
from batchite.blobs.content.store import ContentStore
from batchite.configuration.accounts import (
    DEVELOPMENT_STORAGE_KEY,
    DEVELOPMENT_STORAGE_NAME,
    Accounts,
    StorageAccount,
)
from batchite.configuration.fidelity import Fidelity
from batchite.machine.clock import SystemClock
from batchite.store import migrating
from batchite.store.database import Database
from batchite.web.guard import Guard
from batchite.web.hosts import Hosts
from batchite.web.listener import Listener, bind
from batchite.wire import cloud
from batchite.wire.ticks import Clock

NAME, KEY = DEVELOPMENT_STORAGE_NAME, DEVELOPMENT_STORAGE_KEY
SUFFIXES = ("blob.localhost", "blob.example.org", cloud.BLOB)
WEB_SUFFIX = "web.localhost"
SECOND_KEY = "c2Vjb25kIGtleQ=="
AS_THE_CLOUD = Fidelity()
NEIGHBOUR = "neighbour"
"""Another account of the service, with the same keys."""


@dataclass
class Server:
    url: str
    """of the account"""
    database: Database
    content: ContentStore
    data_dir: Path
    app: BlobApp

    @property
    def storage(self) -> Storage:
        return self.content.storage

    @property
    def files(self) -> Files:
        """The storage, where it is a directory."""
        assert isinstance(self.storage, Files)
        return self.storage

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.split("/")[2].split(":")
        return host, int(port)

    @property
    def connection_string(self) -> str:
        return self.connection_to(NAME)

    def connection_to(self, account: str) -> str:
        """A connection string."""
        url = f"{self.url.removesuffix(NAME)}{account}"
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={KEY};BlobEndpoint={url};"


@asynccontextmanager
async def serving(
    data_dir: Path,
    *,
    origins: Sequence[str] = (),
    portal_origins: Sequence[str] = (),
    content_url: str = "",
    keys: tuple[str, ...] = (KEY, SECOND_KEY),
    clock: Clock | None = None,
    public: str = "",
    fidelity: Fidelity = AS_THE_CLOUD,
) -> AsyncIterator[Server]:
    """Serve what is in the directory; it can be served again afterwards. A database that is there is taken
    for one of the present schema, since comparing them takes half of a start."""
    url = f"sqlite:///{data_dir}/blobs.db"
    if not (data_dir / "blobs.db").exists():
        migrating.upgrade(url, "blobs")
    database = Database(url)
    content = ContentStore(database, await asyncio.to_thread(open_storage, content_url, data_dir))
    await content.start()
    accounts = Accounts(batch=(), storage=(StorageAccount(NAME, keys), StorageAccount(NEIGHBOUR, keys)))
    sock = bind("127.0.0.1", 0)
    clock = clock or SystemClock()
    app = BlobApp(
        database,
        content,
        accounts,
        clock,
        host_suffixes=SUFFIXES,
        web_suffixes=[WEB_SUFFIX],
        origins=origins,
        portal_origins=portal_origins,
        fidelity=fidelity,
    )
    await app.start()
    hosts = Hosts(suffixes=SUFFIXES, public=public, cloud=cloud.BLOB)
    guard = Guard(app, own={}, errors=fallback, hosts=hosts, cors=True)
    listener = Listener(guard, sock, errors=fallback)
    await listener.start()
    try:
        url = f"http://127.0.0.1:{listener.address[1]}/{NAME}"
        yield Server(url, database, content, data_dir, app)
    finally:
        await listener.stop()
        await app.stop()
        await content.close()
        database.close()
