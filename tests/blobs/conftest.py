from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests import object_stores
from tests.blobs.server import Server, serving
from tests.object_stores import RunningStore

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


@pytest.fixture
async def written(container: ContainerClient) -> ContainerClient:
    """With what `by_hand.WRITES` write to."""
    await container.get_blob_client("log").create_append_blob()
    await container.get_blob_client("disk").create_page_blob(512)
    return container


@pytest.fixture(scope="session")
def s3() -> Iterator[RunningStore]:
    with object_stores.s3() as store:
        yield store


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStore]:
    with object_stores.azure(tmp_path_factory.mktemp("azure")) as store:
        yield store


@pytest.fixture
def s3_url(s3: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    return _new_url(s3, monkeypatch)


@pytest.fixture
def azure_url(azure: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    return _new_url(azure, monkeypatch)


def _new_url(store: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place that nothing uses, for which the environment has the credentials."""
    for name, value in store.variables.items():
        monkeypatch.setenv(name, value)
    return store.new_url()


@pytest.fixture(params=["s3", "azure"])
def object_store(request: pytest.FixtureRequest) -> RunningStore:
    """Of each kind."""
    store: RunningStore = request.getfixturevalue(request.param)
    return store


@pytest.fixture
def object_url(object_store: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    return _new_url(object_store, monkeypatch)
