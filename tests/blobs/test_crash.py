import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient
from tests.blobs.server import KEY, NAME, serving
from tests.blobs.test_blobs import content

ROOT = Path(__file__).parents[2]
KILLS = 3


async def start(data_dir: Path) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.blobs.crashing", str(data_dir),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/src"},
    )  # fmt: skip
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def put_until_killed(
    url: str, sizes: dict[str, int], acknowledged: set[str], enough: asyncio.Event
) -> None:
    credential = {"account_name": NAME, "account_key": KEY}
    async with BlobServiceClient(url, credential=credential, retry_total=0) as client:

        async def put(names: list[str]) -> None:
            for name in names:
                await client.get_blob_client("things", name).upload_blob(content(sizes[name]), overwrite=True)
                acknowledged.add(name)
                if len(acknowledged) % 10 == 9:
                    enough.set()

        names = list(sizes)
        writers = (put(names[start::8]) for start in range(8))
        results = await asyncio.gather(*writers, return_exceptions=True)
    failures = [result for result in results if result is not None]
    assert all(not isinstance(failure, AssertionError) for failure in failures)


async def test_nothing_acknowledged_is_lost_when_killed(tmp_path: Path) -> None:
    choose = random.Random(7)  # noqa: S311
    sizes = {f"blob-{n}": choose.choice((10, 10_000, 20_000, 150_000)) for n in range(200)}
    acknowledged: set[str] = set()
    for attempt in range(KILLS):
        process, url = await start(tmp_path)
        credential = {"account_name": NAME, "account_key": KEY}
        if attempt == 0:
            async with BlobServiceClient(url, credential=credential) as client:
                await client.create_container("things")
        left = {name: size for name, size in sizes.items() if name not in acknowledged}
        enough = asyncio.Event()
        putting = asyncio.create_task(put_until_killed(url, left, acknowledged, enough))
        async with asyncio.timeout(60):
            await enough.wait()
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await putting
    async with serving(tmp_path) as server:
        await check(server.url, sizes, acknowledged)
        await server.content.settle()
        large = [name for name in await stored(server.url) if sizes[name] > 16 * 1024]
        assert len(server.files.numbers()) == len(large)


async def stored(url: str) -> list[str]:
    async with BlobServiceClient(url, credential={"account_name": NAME, "account_key": KEY}) as client:
        return [blob.name async for blob in client.get_container_client("things").list_blobs()]


async def check(url: str, sizes: dict[str, int], acknowledged: set[str]) -> None:
    async with BlobServiceClient(url, credential={"account_name": NAME, "account_key": KEY}) as client:
        for name, size in sizes.items():
            blob = client.get_blob_client("things", name)
            try:
                data = await (await blob.download_blob()).readall()
            except ResourceNotFoundError:
                assert name not in acknowledged
            else:
                assert data == content(size)
