"""Snapshots, versions and soft deletion."""

import pytest
import sqlalchemy as sa
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.sdk import code
from tests.blobs.server import NAME, Server

from batchite.store.blobs.schema import contents, services


async def keep(server: Server, **columns: object) -> None:
    """Set what the account keeps."""
    values = {"account": NAME, **columns}
    await server.database.write(lambda connection: connection.execute(sa.insert(services), values))


async def names(container: ContainerClient, *include: str) -> list[tuple[str, str, bool]]:
    """Name, what it is, whether deleted."""
    found = []
    async for blob in container.list_blobs(include=list(include)):
        kind = "snapshot" if blob.snapshot else "version" if blob.version_id else "base"
        if blob.is_current_version:
            kind = "current"
        found.append((blob.name, kind, bool(blob.deleted)))
    return found


async def read(blob: BlobClient, **how: str) -> bytes:
    return await (await blob.download_blob(**how)).readall()


async def contents_left(server: Server) -> int:
    await server.content.settle()
    query = sa.select(sa.func.count()).select_from(contents)
    return await server.database.read(lambda connection: connection.execute(query).scalar_one())


@pytest.mark.parametrize("size", [5, 50_000])
async def test_a_snapshot_stays_as_it_was(container: ContainerClient, server: Server, size: int) -> None:
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"a" * size, metadata={"state": "old"})
    taken = await blob.create_snapshot()
    other = await blob.create_snapshot(metadata={"state": "other"})
    await blob.upload_blob(b"b" * size, overwrite=True)
    snapshot = container.get_blob_client("one", snapshot=taken["snapshot"])
    assert await read(snapshot) == b"a" * size
    properties = await snapshot.get_blob_properties()
    assert properties.metadata == {"state": "old"}
    assert properties.etag == taken["etag"] != other["etag"]
    second = container.get_blob_client("one", snapshot=other["snapshot"])
    assert (await second.get_blob_properties()).metadata == {"state": "other"}
    expected = [("one", "snapshot", False), ("one", "snapshot", False), ("one", "base", False)]
    assert await names(container, "snapshots") == expected
    assert await names(container) == [("one", "base", False)]
    with pytest.raises(HttpResponseError) as refused:
        await blob.delete_blob()
    assert code(refused) == (409, "SnapshotsPresent")
    await snapshot.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        await read(snapshot)
    await blob.delete_blob(delete_snapshots="only")
    assert await names(container, "snapshots") == [("one", "base", False)]
    await blob.delete_blob(delete_snapshots="include")
    assert await contents_left(server) == 0


async def test_snapshots_are_read_only(container: ContainerClient) -> None:
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"x")
    taken = (await blob.create_snapshot())["snapshot"]
    snapshot = container.get_blob_client("one", snapshot=taken)
    for call in (
        snapshot.upload_blob(b"y", overwrite=True, raw_request_hook=_name_it(taken)),
        snapshot.set_blob_metadata({"a": "b"}, raw_request_hook=_name_it(taken)),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await call
        assert code(refused)[0] in (400, 403)
    assert await read(snapshot) == b"x"


def _name_it(snapshot: str):  # type: ignore[no-untyped-def]
    def hook(request) -> None:  # type: ignore[no-untyped-def]
        request.http_request.url += f"{'&' if '?' in request.http_request.url else '?'}snapshot={snapshot}"

    return hook


async def test_what_was_deleted_comes_back(container: ContainerClient, server: Server) -> None:
    await keep(server, blob_retention=7)
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"a" * 20_000)
    await blob.create_snapshot()
    await blob.upload_blob(b"b" * 20_000, overwrite=True)
    await blob.delete_blob(delete_snapshots="include")
    assert await names(container) == []
    with pytest.raises(ResourceNotFoundError):
        await read(blob)
    deleted = [found async for found in container.list_blobs(include=["deleted", "snapshots"])]
    assert [(bool(found.snapshot), found.deleted) for found in deleted].count((False, True)) == 1
    assert len(deleted) == 3
    assert {found.remaining_retention_days for found in deleted} == {7}
    await blob.undelete_blob()
    assert await read(blob) == b"b" * 20_000
    back = [found async for found in container.list_blobs(include=["snapshots"])]
    assert len(back) == 3
    await blob.undelete_blob()
    with pytest.raises(ResourceNotFoundError):
        await container.get_blob_client("never was").undelete_blob()


async def test_a_deleted_blob_under_a_new_one_comes_back_as_a_snapshot(
    container: ContainerClient, server: Server
) -> None:
    await keep(server, blob_retention=7)
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"old")
    await blob.delete_blob()
    await blob.upload_blob(b"new")
    await blob.undelete_blob()
    assert await read(blob) == b"new"
    assert await names(container, "snapshots") == [("one", "snapshot", False), ("one", "base", False)]


async def test_of_several_deleted_blobs_the_last_comes_back(
    container: ContainerClient, server: Server
) -> None:
    """There are several where one took the other's place while nothing was kept."""
    blob = container.get_blob_client("one")
    await keep(server, blob_retention=7)
    await blob.upload_blob(b"old")
    await blob.delete_blob()
    await server.database.write(lambda connection: connection.execute(sa.delete(services)))
    await blob.upload_blob(b"new")
    await keep(server, blob_retention=7)
    await blob.delete_blob()
    await blob.undelete_blob()
    assert await read(blob) == b"new"
    assert await names(container, "snapshots") == [("one", "snapshot", False), ("one", "base", False)]


async def test_versions_are_kept_and_read(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"before")
    await keep(server, versioning=True)
    first = (await blob.upload_blob(b"first", overwrite=True))["version_id"]
    second = (await blob.set_blob_metadata({"a": "b"}))["version_id"]
    third = (await blob.upload_blob(b"third", overwrite=True))["version_id"]
    assert first < second < third
    assert await read(blob) == b"third"
    assert await read(blob, version_id=first) == b"first"
    assert (await blob.get_blob_properties(version_id=second)).metadata == {"a": "b"}
    current = await blob.get_blob_properties(version_id=third)
    assert current.is_current_version
    versions = [("one", "version", False)] * 3
    assert await names(container, "versions") == [*versions, ("one", "current", False)]
    with pytest.raises(HttpResponseError) as refused:
        await blob.delete_blob(version_id=third)
    assert code(refused) == (403, "OperationNotAllowedOnRootBlob")
    await blob.delete_blob(version_id=first)
    with pytest.raises(ResourceNotFoundError):
        await read(blob, version_id=first)
    await blob.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        await read(blob)
    assert await read(blob, version_id=third) == b"third"
    assert await names(container, "versions") == [("one", "version", False)] * 3
    assert [name for name, *_ in await names(container, "deletedwithversions")] == ["one"]


@pytest.mark.parametrize("metadata", [None, {"of": "the snapshot"}])
async def test_a_snapshot_makes_a_version(
    container: ContainerClient, server: Server, metadata: dict[str, str] | None
) -> None:
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"1", metadata={"a": "b"})
    await keep(server, versioning=True)
    before = await blob.get_blob_properties()
    taken = await blob.create_snapshot(metadata=metadata)
    after = await blob.get_blob_properties()
    assert (after.version_id, after.is_current_version) == (taken["version_id"], True)
    assert (after.etag, after.last_modified) == (before.etag, before.last_modified)
    assert after.metadata == {"a": "b"}
    again = await blob.create_snapshot()
    assert again["version_id"] > taken["version_id"] > taken["snapshot"]
    await blob.upload_blob(b"2", overwrite=True)
    assert await read(blob, version_id=taken["version_id"]) == b"1"
    assert await read(blob, version_id=again["version_id"]) == b"1"
    kept = [kind for _, kind, _ in await names(container, "snapshots", "versions")]
    assert (kept.count("snapshot"), kept.count("version"), kept.count("current")) == (2, 3, 1)


async def test_without_versioning_later_writes_leave_no_version(
    container: ContainerClient, server: Server
) -> None:
    await keep(server, versioning=True)
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"1")
    change = sa.update(services).values(versioning=False)
    await server.database.write(lambda connection: connection.execute(change))
    for data in (b"2", b"3"):
        await blob.upload_blob(data, overwrite=True)
    assert await names(container, "versions") == [("one", "version", False), ("one", "base", False)]


async def test_permanent_deletion_needs_permission(container: ContainerClient, server: Server) -> None:
    await keep(server, blob_retention=7)
    blob = container.get_blob_client("one")
    await blob.upload_blob(b"x" * 20_000)
    taken = (await blob.create_snapshot())["snapshot"]
    snapshot = container.get_blob_client("one", snapshot=taken)
    await snapshot.delete_blob()
    hook = _permanently
    with pytest.raises(HttpResponseError) as refused:
        await snapshot.delete_blob(raw_request_hook=hook)
    assert code(refused) == (403, "OperationNotAllowed")
    change = sa.update(services).values(permanent_delete=True)
    await server.database.write(lambda connection: connection.execute(change))
    with pytest.raises(HttpResponseError) as refused:
        await snapshot.delete_blob(
            raw_request_hook=hook, etag='"0x1"', match_condition=MatchConditions.IfNotModified
        )
    assert code(refused) == (412, "ConditionNotMet")
    await snapshot.delete_blob(raw_request_hook=hook)
    assert await names(container, "snapshots", "deleted") == [("one", "base", False)]


def _permanently(request) -> None:  # type: ignore[no-untyped-def]
    request.http_request.url += "&deletetype=permanent"


async def test_uncommitted_blobs_are_listed_when_asked_for(container: ContainerClient) -> None:
    await container.get_blob_client("b").stage_block("AAAA", b"x")
    await container.upload_blob("a", b"")
    await container.upload_blob("c", b"")
    assert [name for name, *_ in await names(container)] == ["a", "c"]
    assert [name for name, *_ in await names(container, "uncommittedblobs")] == ["a", "b", "c"]


async def test_a_deleted_container_comes_back_with_its_blobs(
    client: BlobServiceClient, container: ContainerClient, server: Server
) -> None:
    await keep(server, container_retention=3)
    await container.upload_blob("kept", b"x" * 20_000)
    await container.delete_container()
    assert [found.name async for found in client.list_containers()] == []
    (deleted,) = [found async for found in client.list_containers(include_deleted=True)]
    assert (deleted.name, deleted.deleted) == ("things", True)
    await client.create_container("things")
    await client.delete_container("things")
    listed = [
        found.version async for found in client.list_containers(include_deleted=True, results_per_page=1)
    ]
    assert len(listed) == 2
    restored = await client.undelete_container("things", deleted.version)
    assert await (await restored.download_blob("kept")).readall() == b"x" * 20_000
    with pytest.raises(HttpResponseError) as refused:
        await client.undelete_container("things", listed[1])
    assert code(refused) == (409, "ContainerAlreadyExists")
