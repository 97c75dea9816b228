"""One tour, taken with every client that people have: each must see the same things.

The clients' programs are in `programs/`.
"""

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

import obstore
import pytest
from azure.storage.blob.aio import ContainerClient
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import AzureStore
from tests import needs
from tests.blobs.server import KEY, NAME, Server
from tests.clients import installing, programs

pytestmark = pytest.mark.clients

PROGRAMS = Path(__file__).parent / "programs"
LARGE = bytes(range(251)) * 20_000

SEEN: dict[str, Any] = {
    "container metadata": {"Owner": "tour"},
    "container exists": 409,
    "containers": ["tour"],
    "small": "hello",
    "metadata": {"Category": "rocks"},
    "content type": "text/x-tour",
    "large": hashlib.sha256(LARGE).hexdigest(),
    "range": LARGE[1000:1010].hex(),
    "staged": 2,
    "committed": "two one two ",
    "missing": 404,
    "exists": 409,
    "names": ["dir/large", "dir/small"],
    "listed metadata": {"Category": "rocks"},
    "walked": ["dir/", "staged"],
    "snapshot": "before",
    "snapshots present": 409,
    "leased": 412,
    "gone": 404,
    "appended": "one two ",
    "pages": [[1024, 1535]],
    "page content": hashlib.sha256(bytes(1024) + b"p" * 512 + bytes(2560)).hexdigest(),
    "copied": ["success", "one two "],
    "shared": "hello",
    "not shared": 403,
    "left": ["copy", "disk", "log", "staged"],
    "container gone": 404,
}

LOWER_CASE = {"container metadata": {"owner": "tour"}, "metadata": {"category": "rocks"}}
"""What a client sees that reads the names of headers in lower case, whatever they are on the wire."""


async def run(server: Server, *command: str | Path, folder: Path | None = None) -> Any:
    """What the program has seen."""
    return await programs.seen(*command, server.connection_string, "tour", folder=folder)


async def test_the_newest_sdk(server: Server) -> None:
    assert await run(server, sys.executable, "-I", PROGRAMS / "modern.py") == SEEN


async def test_the_newest_sdk_validating_everything(server: Server) -> None:
    python = await asyncio.to_thread(installing.python_client, "azure-storage-blob-checksums")
    assert await run(server, python, "-I", PROGRAMS / "checksums.py") == {
        "empty": True,
        "small": True,
        "large": True,
        "range": SEEN["range"],
        "staged": True,
        "appended": True,
        "pages": True,
        "structured": True,
    }


@pytest.mark.parametrize(
    ("client", "program", "case"),
    [
        ("azure-storage-blob-12.8", "modern.py", {}),
        ("azure-storage-blob-2.1", "legacy.py", {}),
        (installing.OF_2016, "legacy.py", LOWER_CASE),
    ],
)
async def test_an_old_sdk(server: Server, client: str, program: str, case: dict[str, Any]) -> None:
    python = await asyncio.to_thread(installing.python_client, client)
    assert await run(server, python, "-I", PROGRAMS / program) == {**SEEN, **case}


async def test_the_sdk_for_javascript(server: Server) -> None:
    needs.programs("node", "npm")
    folder = await asyncio.to_thread(installing.javascript_client, "azure-storage-blob")
    assert await run(server, "node", PROGRAMS / "tour.mjs", folder=folder) == {**SEEN, **LOWER_CASE}


async def test_files_through_adlfs(server: Server) -> None:
    python = await asyncio.to_thread(installing.python_client, "adlfs")
    assert await run(server, python, "-I", PROGRAMS / "filesystem.py") == {
        "made": True,
        "large": SEEN["large"],
        "range": SEEN["range"],
        "text": "a,b\n1,2\n",
        "sizes": {"tour/dir/large": len(LARGE), "tour/dir/table.csv": 8},
        "folders": [["tour/dir", "directory"]],
        "globbed": ["tour/dir/table.csv"],
        "moved": ["tour/dir/large", "tour/dir/table.csv", "tour/moved.csv"],
        "many": {str(number): str(number) for number in (1, *range(10, 20))},
        "missing": False,
        "not found": True,
        "left": ["tour/moved.csv"],
        "gone": True,
    }


async def test_files_through_pyarrow(server: Server) -> None:
    python = await asyncio.to_thread(installing.python_client, "pyarrow")
    assert await run(server, python, "-I", PROGRAMS / "arrow.py") == {
        "made": "Directory",
        "large": SEEN["large"],
        "range": SEEN["range"],
        "table": {"b": ["x", "y", "z"]},
        "parts": [1, 2, 3],
        "walked": [
            ["tour/copy", "File"],
            ["tour/dir", "Directory"],
            ["tour/empty", "Directory"],
            ["tour/parts", "Directory"],
        ],
        "missing": "NotFound",
        "not found": True,
        "left": ["tour/dir/large", "tour/dir/table.parquet"],
        "gone": "NotFound",
    }


async def test_objects_through_obstore(server: Server, container: ContainerClient) -> None:
    store = AzureStore(
        "things",
        account_name=NAME,
        access_key=KEY,
        endpoint=server.url,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    attributes = {"Content-Type": "text/x-tour", "category": "rocks"}
    await obstore.put_async(store, "dir/small", b"hello", attributes=attributes)
    got = await obstore.get_async(store, "dir/small")
    assert bytes(await got.bytes_async()) == b"hello"
    assert got.attributes["Content-Type"] == "text/x-tour"
    await obstore.put_async(store, "dir/large", LARGE, use_multipart=True, chunk_size=1024 * 1024)
    spans = await obstore.get_ranges_async(store, "dir/large", starts=[1000, 5_000_000], lengths=[10, 10])
    assert [bytes(span) for span in spans] == [LARGE[1000:1010], LARGE[5_000_000:5_000_010]]
    assert bytes(await (await obstore.get_async(store, "dir/large")).bytes_async()) == LARGE
    with pytest.raises(AlreadyExistsError):
        await obstore.put_async(store, "dir/small", b"again", mode="create")
    old = await obstore.head_async(store, "dir/small")
    await obstore.put_async(store, "dir/small", b"newer", mode={"e_tag": old["e_tag"]})
    with pytest.raises(PreconditionError):
        await obstore.put_async(store, "dir/small", b"late", mode={"e_tag": old["e_tag"]})
    await obstore.copy_async(store, "dir/small", "copied")
    await obstore.rename_async(store, "copied", "renamed")
    listed = await obstore.list_with_delimiter_async(store)
    assert listed["common_prefixes"] == ["dir"]
    assert [item["path"] for item in listed["objects"]] == ["renamed"]
    assert bytes(await (await obstore.get_async(store, "renamed")).bytes_async()) == b"newer"
    await obstore.delete_async(store, ["renamed", "dir/small", "dir/large"])
    assert [item async for batch in obstore.list(store) for item in batch] == []
    with pytest.raises(FileNotFoundError):
        await obstore.head_async(store, "renamed")
