from collections.abc import AsyncIterator

import pytest
from tests.blobs.server import NAME, Server
from tests.portal import blobs

from batchite.machine.clock import SystemClock
from batchite.portal.blob_client.client import Client
from batchite.portal.blob_client.connection import Account, Connection


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    connection = Connection(SystemClock())
    yield connection
    await connection.close()


@pytest.fixture
def account(server: Server) -> Account:
    return Account(NAME, blobs.KEY_BYTES, server.url)


@pytest.fixture
def client(connection: Connection, account: Account) -> Client:
    return Client(connection, account)
