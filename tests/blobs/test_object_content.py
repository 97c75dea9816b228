"""The service with its content in an object store, as clients see it, and what lies in the store."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests import object_stores
from tests.blobs.sdk import content
from tests.blobs.server import Server, serving
from tests.object_stores import RunningStore

from batchite.blobs.checking import Report, check
from batchite.blobs.content import disposal, opening
from batchite.store.blobs import contents

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

MIB = 1024 * 1024
LARGE = content(20 * MIB + 3)
BLOCK = content(100_000)


@asynccontextmanager
async def container_of(server: Server) -> AsyncIterator[ContainerClient]:
    """A client that sends what it uploads in one request, and says at once what is wrong."""
    options = {"retry_total": 0, "max_single_put_size": 100 * MIB}
    async with BlobServiceClient.from_connection_string(server.connection_string, **options) as client:
        container = client.get_container_client("things")
        if not await container.exists():
            await container.create_container()
        yield container


async def read(container: ContainerClient, name: str, *span: int) -> bytes:
    return bytes(await (await container.download_blob(name, *span)).readall())


async def checked(server: Server) -> Report:
    return await check(server.database, server.storage, lambda _: None)


async def test_clients_notice_nothing(object_store: RunningStore, object_url: str, tmp_path: Path) -> None:
    async with serving(tmp_path, content_url=object_url) as server, container_of(server) as container:
        await container.upload_blob("small", b"in the database")
        assert list(object_store.objects(object_url)) == ["some/place/owner"]
        large = container.get_blob_client("large")
        await large.upload_blob(LARGE)
        listed = container.get_blob_client("listed")
        for block_id in ("a", "b"):
            await listed.stage_block(block_id, BLOCK)
        await listed.commit_block_list([BlobBlock("b"), BlobBlock("a"), BlobBlock("b")])
        copy = container.get_blob_client("copy")
        await copy.start_copy_from_url(large.url)
        snapshot = await large.create_snapshot()
        await large.upload_blob(b"small now", overwrite=True)

        assert hashlib.md5(await read(container, "copy")).digest() == hashlib.md5(LARGE).digest()  # noqa: S324
        before = container.get_blob_client("large", snapshot=snapshot)
        for start, length in ((0, 1), (8 * MIB - 1, 2), (20 * MIB, 3), (3 * MIB + 1, 10 * MIB)):
            part = await (await before.download_blob(start, length)).readall()
            assert part == LARGE[start : start + length]
        assert await read(container, "large") == b"small now"
        assert await read(container, "listed", 99_990, 20) == (BLOCK * 2)[99_990:100_010]
        sizes = len(LARGE) + 2 * len(BLOCK) + len(b"small now") + len(b"in the database")
        assert await checked(server) == Report(contents=5, size=sizes, damages=(), leftovers=0)

        for blob in ("small", "listed", "copy"):
            await container.delete_blob(blob)
        await container.delete_blob("large", delete_snapshots="include")
        await server.content.settle()
        assert list(object_store.objects(object_url)) == ["some/place/owner"]
        assert object_store.unfinished(object_url) == []


async def test_damage_is_found(object_store: RunningStore, object_url: str, tmp_path: Path) -> None:
    async with serving(tmp_path, content_url=object_url) as server, container_of(server) as container:
        await container.upload_blob("large", LARGE)
        names = sorted(name for name in object_store.objects(object_url) if not name.endswith("owner"))
        assert len(names) == 3
        object_store.remove(object_url, names[1])
        (damage,) = (await checked(server)).damages
        assert damage.affected == ("things/large",)
        with pytest.raises(HttpResponseError) as refused:
            await read(container, "large", 9 * MIB, 10)
        assert refused.value.status_code == 500


@pytest.fixture
def gone() -> Iterator[int]:
    """A port of this machine that nobody listens on, and nobody is given who has not asked for it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.servers
async def test_an_outage_is_said_and_survived(
    gone: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opening, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(disposal, "RETRY_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        with object_stores.s3(gone) as store:
            for name, value in store.variables.items():
                monkeypatch.setenv(name, value)
            url = store.new_url()
            server = await stack.enter_async_context(serving(tmp_path, content_url=url))
            container = await stack.enter_async_context(container_of(server))
            await container.upload_blob("before", BLOCK)
            await container.upload_blob("to be deleted", BLOCK)
        await container.delete_blob("to be deleted")
        await container.upload_blob("small", b"needs the database alone")
        for attempt in (partial(container.upload_blob, "during", BLOCK), partial(read, container, "before")):
            with pytest.raises(HttpResponseError) as refused:
                await attempt()
            assert (refused.value.status_code, refused.value.error_code) == (503, "ServerBusy")
            assert "object store" in refused.value.message
        told = [record for record in caplog.records if record.name.startswith("batchite")]
        assert all("Generic S3 error" in record.message and not record.exc_info for record in told)
        assert await read(container, "small") == b"needs the database alone"
        with object_stores.s3(gone):
            assert await read(container, "before") == BLOCK
            await container.upload_blob("during", BLOCK)
            async with asyncio.timeout(60):
                while await server.database.read(contents.leftovers):
                    await server.content.settle()
            whole = Report(contents=3, size=2 * len(BLOCK) + 24, damages=(), leftovers=0)
            assert await checked(server) == whole
            assert len(store.objects(url)) == 3
