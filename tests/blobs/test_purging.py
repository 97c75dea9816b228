import sqlalchemy as sa
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import Server
from tests.blobs.test_kept import contents_left, keep

from batchite.blobs.purging import Purging
from batchite.machine.clock import SystemClock
from batchite.store.blobs.schema import blobs, blocks, containers, uncommitted
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


async def test_staged_blocks_go_a_week_after_the_last_one(
    client: BlobServiceClient, container: ContainerClient, server: Server
) -> None:
    blob, other = container.get_blob_client("blob"), container.get_blob_client("other")
    await blob.upload_blob(b"b" * 20_000)
    for one in (blob, other):
        await one.stage_block("a", b"a" * 20_000)
        await one.stage_block("b", b"small")
    await make_older(server, "other", days=3)
    assert await purge(server, 3.9) == 0
    assert await purge(server, 4.1) == 1
    assert [block.id for block in (await blob.get_block_list("all"))[1]] == ["a", "b"]
    names = [found.name async for found in container.list_blobs(include=["uncommittedblobs"])]
    assert names == ["blob"]
    assert await purge(server, 7.1) == 1
    assert (await count(server, blocks), await contents_left(server)) == (0, 1)
    assert await blob.get_block_list("all") == ([], [])


async def make_older(server: Server, name: str, *, days: int) -> None:
    change = sa.update(uncommitted).where(uncommitted.c.name == name)
    older = change.values(staged=uncommitted.c.staged - days * TICKS_PER_DAY)
    await server.database.write(lambda connection: connection.execute(older).rowcount)


async def test_a_block_keeps_those_staged_before(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("blob")
    await blob.stage_block("a", b"a")
    await make_older(server, "blob", days=6)
    await blob.stage_block("b", b"b")
    assert await purge(server, 6.9) == 0
    await blob.commit_block_list([BlobBlock("a"), BlobBlock("b")])
    assert await (await blob.download_blob()).readall() == b"ab"
