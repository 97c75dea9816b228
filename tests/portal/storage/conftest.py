from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.blobs.server import NEIGHBOUR, Server
from tests.portal import blobs
from tests.portal.service import Browser, serving

from batchite.portal.blob_client.client import Client
from batchite.store.database import Database


@pytest.fixture
async def explorer(database: Database, tmp_path: Path, server: Server) -> AsyncIterator[Browser]:
    """The operator, before the portal of a service with storage of its own and of another one."""
    known, url = blobs.accounts(server), blobs.base(server)
    async with serving(database, tmp_path, accounts=known, blob_url=url) as browser:
        await browser.enter()
        yield browser


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """What is in the storage of the service itself, whose container `things` is there."""
    async with blobs.connected(server) as client:
        await client.create_container("things")
        yield client


@pytest.fixture
async def foreign(server: Server) -> AsyncIterator[Client]:
    """Likewise that of another service."""
    async with blobs.connected(server, NEIGHBOUR) as client:
        await client.create_container("things")
        yield client
