from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import Server, serving

from batchite.store import migrating


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "blobs.db"
    migrating.upgrade(f"sqlite:///{path}", "blobs")
    return path.read_bytes()


@pytest.fixture
async def server(tmp_path: Path, empty_database: bytes) -> AsyncIterator[Server]:
    (tmp_path / "blobs.db").write_bytes(empty_database)
    async with serving(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[BlobServiceClient]:
    async with BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client:
        yield client


@pytest.fixture
async def container(client: BlobServiceClient) -> ContainerClient:
    return await client.create_container("things")
