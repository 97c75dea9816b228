import sqlalchemy as sa
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import Server
from tests.blobs.test_kept import contents_left, keep

from batchite.blobs.purging import Purging
from batchite.clock import SystemClock
from batchite.store.blobs.schema import blobs, containers
from batchite.wire.ticks import TICKS_PER_DAY, Timestamp


class Later:
    """A clock that is some days ahead."""

    def __init__(self, days: float) -> None:
        self._ahead = int(days * TICKS_PER_DAY)
        self._clock = SystemClock()

    def now(self) -> Timestamp:
        return Timestamp(self._clock.now().ticks + self._ahead)


async def purge(server: Server, days: float) -> int:
    return await Purging(server.database, server.content.disposal, Later(days)).purge()


async def count(server: Server, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return await server.database.read(lambda connection: connection.execute(query).scalar_one())


async def test_what_is_due_goes_and_nothing_else(
    client: BlobServiceClient, container: ContainerClient, server: Server
) -> None:
    await keep(server, blob_retention=2, container_retention=4)
    kept = container.get_blob_client("kept")
    await kept.upload_blob(b"k" * 20_000)
    await kept.create_snapshot()
    gone = container.get_blob_client("gone")
    await gone.upload_blob(b"g" * 20_000)
    await gone.create_snapshot()
    await gone.delete_blob(delete_snapshots="include")
    other = await client.create_container("other")
    await other.upload_blob("within", b"w" * 20_000)
    await other.delete_container()
    assert await purge(server, 1.9) == 0
    assert await count(server, blobs) == 5
    assert await purge(server, 2.1) == 2
    assert (await count(server, blobs), await contents_left(server)) == (3, 2)
    assert await purge(server, 4.1) == 1
    assert (await count(server, blobs), await count(server, containers)) == (2, 1)
    assert await contents_left(server) == 1
    assert await (await kept.download_blob()).readall() == b"k" * 20_000


async def test_it_runs_beside_the_service(container: ContainerClient, server: Server) -> None:
    await keep(server, blob_retention=1)
    await container.upload_blob("gone", b"x")
    await container.delete_blob("gone")
    purging = Purging(server.database, server.content.disposal, Later(2))
    purging.start()
    while await count(server, blobs):
        await server.database.write(lambda _: None)
    await purging.stop()
    assert await contents_left(server) == 0
