"""The portal's client against the real Blob service."""

import dataclasses
import hashlib
import socket
from collections.abc import AsyncIterator, Mapping

import pytest
from azure.storage.blob import RetentionPolicy
from azure.storage.blob.aio import BlobServiceClient
from tests.blobs.server import Server
from tests.portal.blobs import HOSTILE

from batchite.machine.clock import SystemClock
from batchite.portal.blob_client.client import Client, Where
from batchite.portal.blob_client.connection import Account, Connection
from batchite.portal.blob_client.entries import Blob, Folder
from batchite.portal.blob_client.problems import StorageProblem


async def put(client: Client, container: str, name: str, content: bytes = b"x", **headers: str) -> Where:
    where = Where(container, name)
    told = {key.replace("_", "-"): value for key, value in headers.items()}
    await client.put_blob(where, content, len(content), told)
    return where


async def read(client: Client, where: Where, headers: Mapping[str, str] | None = None) -> bytes:
    async with client.read(where, headers) as answer:
        return await answer.content(1 << 20)


async def test_containers_are_made_listed_by_pages_and_deleted(client: Client) -> None:
    for name in ("apples", "pears", "plums"):
        await client.create_container(name)
    first = await client.containers(limit=2)
    assert [each.name for each in first.entries] == ["apples", "pears"]
    second = await client.containers(marker=first.marker, limit=2)
    assert ([each.name for each in second.entries], second.marker) == (["plums"], "")
    assert [each.name for each in (await client.containers("p", limit=9)).entries] == ["pears", "plums"]
    await client.set_container_metadata("pears", {"Origin": "Chile"})
    assert (await client.container("pears")).metadata == {"Origin": "Chile"}
    await client.delete_container("plums")
    with pytest.raises(StorageProblem, match="no such container") as told:
        await client.container("plums")
    assert told.value.status == 404


async def test_folders_and_blobs_in_the_order_of_names(client: Client) -> None:
    await client.create_container("things")
    for name in ("a.txt", "b/1", "b/2", "c", "d/1/2"):
        await put(client, "things", name, x_ms_blob_content_type="text/csv")
    part = await client.blobs("things", limit=50)
    assert [entry.name for entry in part.entries] == ["a.txt", "b/", "c", "d/"]
    assert [isinstance(entry, Folder) for entry in part.entries] == [False, True, False, True]
    blob = part.entries[0]
    assert isinstance(blob, Blob)
    assert (blob.size, blob.media_type, blob.kind) == (1, "text/csv", "BlockBlob")
    first = await client.blobs("things", limit=2)
    then = await client.blobs("things", marker=first.marker, limit=2)
    assert [entry.name for entry in (*first.entries, *then.entries)] == ["a.txt", "b/", "c", "d/"]
    assert [entry.name for entry in (await client.blobs("things", "b/", limit=9)).entries] == ["b/1", "b/2"]


async def test_whatever_blobs_are_called(client: Client) -> None:
    await client.create_container("things")
    for name in HOSTILE:
        where = await put(client, "things", name, name.encode())
        assert await read(client, where) == name.encode()
        assert (await client.properties(where)).size == len(name.encode())
        assert await client.snapshots("things", name) == ()
    listed = await client.blobs("things", limit=99, delimiter="")
    assert {entry.name for entry in listed.entries} == set(HOSTILE)
    for name in HOSTILE:
        await client.delete(Where("things", name))
    assert (await client.blobs("things", limit=9)).entries == ()


async def test_metadata_tags_and_snapshots(client: Client) -> None:
    await client.create_container("things")
    where = await put(client, "things", "a & b", b"first")
    await put(client, "things", "a & bc", b"other")
    await client.set_metadata(where, {"Color": "red", "size_2": "XL"})
    assert (await client.properties(where)).metadata == {"Color": "red", "size_2": "XL"}
    await client.set_tags(where, {"project": "one", "a/b": "x:y"})
    assert await client.tags(where) == {"project": "one", "a/b": "x:y"}
    moment = await client.snapshot(where)
    await client.snapshot(Where("things", "a & bc"))
    await put(client, "things", "a & b", b"second")
    assert [each.snapshot for each in await client.snapshots("things", "a & b")] == [moment]
    assert await read(client, Where("things", "a & b", moment)) == b"first"
    with pytest.raises(StorageProblem, match="has snapshots"):
        await client.delete(where)
    await client.delete(Where("things", "a & b", moment))
    assert await client.snapshots("things", "a & b") == ()
    await client.snapshot(where)
    await client.delete(where, with_snapshots=True)
    with pytest.raises(StorageProblem, match="no such blob") as told:
        await client.properties(where)
    assert (told.value.status, told.value.code) == (404, "BlobNotFound")


async def test_what_was_deleted_softly_comes_back(client: Client, server: Server) -> None:
    async with BlobServiceClient.from_connection_string(server.connection_string) as sdk:
        policy = RetentionPolicy(enabled=True, days=3)
        await sdk.set_service_properties(delete_retention_policy=policy)
    await client.create_container("things")
    where = await put(client, "things", "folder/a", b"kept")
    await client.delete(where)
    part = await client.blobs("things", "folder/", limit=9, include=("deleted",))
    blob = part.entries[0]
    assert isinstance(blob, Blob)
    assert (blob.is_deleted, blob.days, blob.deleted is not None) == (True, "3", True)
    await client.restore(where)
    assert await read(client, where) == b"kept"


async def test_blocks_from_a_stream(client: Client) -> None:
    async def pieces(block: int) -> AsyncIterator[bytes]:
        for number in range(8):
            yield bytes([block * 8 + number]) * 4096

    await client.create_container("things")
    where = Where("things", "big")
    for block in range(2):
        await client.put_block(where, f"YmxvY2sw{block}A==", pieces(block), 8 * 4096)
    headers = {"x-ms-blob-content-type": "image/png"}
    await client.put_blocks(where, ["YmxvY2sw0A==", "YmxvY2sw1A=="], headers)
    expected = b"".join(bytes([number]) * 4096 for number in range(16))
    assert hashlib.sha256(await read(client, where)).digest() == hashlib.sha256(expected).digest()
    assert (await client.properties(where)).header("content-type") == "image/png"
    async with client.read(where, {"Range": "bytes=4000-8191"}) as answer:
        assert (answer.status, answer.headers["content-range"]) == (206, "bytes 4000-8191/65536")
        assert await answer.content(9999) == expected[4000:8192]


async def test_refusals_are_told_in_words(client: Client, account: Account, connection: Connection) -> None:
    await client.create_container("things")
    with pytest.raises(StorageProblem, match="is a container of this name already") as told:
        await client.create_container("things")
    assert (told.value.status, told.value.code) == (409, "ContainerAlreadyExists")
    with pytest.raises(StorageProblem, match="3 to 63 lower-case letters"):
        await client.create_container("No")
    where = await put(client, "things", "a")
    for metadata in ({"a b": "x"}, {"1a": "x"}, {"": "x"}, {"a": "ü"}, {"a": "x\r\nx-ms-meta-b: y"}):
        with pytest.raises(StorageProblem, match="Metadata"):
            await client.set_metadata(where, metadata)
    with pytest.raises(StorageProblem, match="Tags have"):
        await client.set_tags(where, {"<b>": "1"})
    stranger = Client(connection, Account(account.name, b"another key", account.url))
    with pytest.raises(StorageProblem, match="refused the key") as told:
        await stranger.containers(limit=1)
    assert told.value.status == 403


async def test_a_service_that_is_not_there(account: Account, connection: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    gone = Client(connection, Account(account.name, account.key, f"http://127.0.0.1:{port}/x"))
    with pytest.raises(StorageProblem, match=r"cannot be reached: connection refused. Is it running") as told:
        await gone.containers(limit=1)
    assert told.value.status == 502


async def test_nothing_is_opened_before_it_is_needed_nor_left_open() -> None:
    connection = Connection(SystemClock())
    await connection.close()


async def test_proxies_are_for_other_services_alone(
    client: Client, account: Account, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await client.create_container("things")
    far = Client(connection, dataclasses.replace(account, is_far=True))
    with pytest.raises(StorageProblem, match="cannot be reached"):
        await far.container("things")
