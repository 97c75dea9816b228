from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import Server, serving


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[BlobServiceClient]:
    async with BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client:
        yield client


@pytest.fixture
async def container(client: BlobServiceClient) -> ContainerClient:
    return await client.create_container("things")
