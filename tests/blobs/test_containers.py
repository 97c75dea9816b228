import asyncio

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient as SyncServiceClient
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import Server


async def test_a_container_lives_from_create_to_delete(client: BlobServiceClient) -> None:
    container = client.get_container_client("first")
    assert not await container.exists()
    created = await container.create_container(metadata={"owner": "me"})
    shown = await container.get_container_properties()
    assert shown.metadata == {"owner": "me"}
    assert shown.etag == created["etag"]
    assert shown.lease.status == "unlocked"
    await container.delete_container()
    assert not await container.exists()
    with pytest.raises(ResourceNotFoundError) as missing:
        await container.delete_container()
    assert missing.value.error_code == "ContainerNotFound"


async def test_a_container_tells_that_it_has_no_encryption_scope_of_its_own(
    client: BlobServiceClient,
) -> None:
    usual = {
        "default_encryption_scope": "$account-encryption-key",
        "prevent_encryption_scope_override": False,
    }
    container = await client.create_container("plain", container_encryption_scope=usual)
    listed = [found async for found in client.list_containers()]
    for found in (await container.get_container_properties(), *listed):
        assert found.encryption_scope.default_encryption_scope == "$account-encryption-key"
        assert found.encryption_scope.prevent_encryption_scope_override is False
        assert found.immutable_storage_with_versioning_enabled is False
        assert (found.has_immutability_policy, found.has_legal_hold) == (False, False)
    for wish in (
        {**usual, "default_encryption_scope": "mine"},
        {**usual, "prevent_encryption_scope_override": True},
    ):
        with pytest.raises(HttpResponseError) as refused:
            await client.create_container("scoped", container_encryption_scope=wish)
        assert refused.value.error_code == "UnsupportedHeader"


async def test_creating_twice_is_a_conflict(client: BlobServiceClient) -> None:
    await client.create_container("twice")
    with pytest.raises(ResourceExistsError) as refused:
        await client.create_container("twice")
    assert refused.value.status_code == 409
    assert refused.value.error_code == "ContainerAlreadyExists"


async def test_what_is_missing_or_there_already_is_named(client: BlobServiceClient) -> None:
    strange = client.get_blob_client("nowhere", "a <strange> & \x01 name")
    with pytest.raises(ResourceNotFoundError) as missing:
        await strange.upload_blob(b"x")
    assert missing.value.error_code == "ContainerNotFound"
    assert "containername:nowhere" in missing.value.message
    await client.create_container("nowhere")
    with pytest.raises(ResourceNotFoundError) as missing:
        await strange.download_blob()
    assert "blobname:a <strange> & " in missing.value.message
    await strange.upload_blob(b"x")
    with pytest.raises(ResourceExistsError) as there:
        await strange.upload_blob(b"x")
    assert "containername:nowhere" in there.value.message
    assert "blobname:a <strange> & " in there.value.message


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ab", "OutOfRangeInput"),
        ("a" * 64, "OutOfRangeInput"),
        ("Upper", "InvalidResourceName"),
        ("two--hyphens", "InvalidResourceName"),
        ("-begins", "InvalidResourceName"),
        ("ends-", "InvalidResourceName"),
        ("under_score", "InvalidResourceName"),
    ],
)
async def test_names_have_rules(client: BlobServiceClient, name: str, code: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await client.create_container(name)
    assert refused.value.status_code == 400
    assert refused.value.error_code == code


async def test_new_metadata_changes_the_etag(container: ContainerClient) -> None:
    before = await container.get_container_properties()
    await container.set_container_metadata({"a": "1"})
    after = await container.get_container_properties()
    assert after.metadata == {"a": "1"}
    assert after.etag != before.etag


async def test_deleting_takes_the_blobs_along(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("small", b"x")
    await container.upload_blob("large", b"x" * 100_000)
    staged = container.get_blob_client("staged")
    await staged.stage_block("YQ==", b"y" * 100)
    await container.delete_container()
    await server.content.settle()
    assert server.files.numbers() == set()
    await container.create_container()
    assert [blob.name async for blob in container.list_blobs()] == []


async def test_the_list_has_pages_a_prefix_and_metadata(client: BlobServiceClient) -> None:
    for number in range(5):
        await client.create_container(f"page-{number}", metadata={"n": str(number)})
    await client.create_container("other")
    pages = client.list_containers("page-", include_metadata=True, results_per_page=2).by_page()
    found = [[(item.name, item.metadata) async for item in page] async for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert [entry for page in found for entry in page] == [(f"page-{n}", {"n": str(n)}) for n in range(5)]
    everything = [item async for item in client.list_containers()]
    assert everything[0].name == "other"
    assert everything[0].metadata is None


async def test_a_condition_is_kept_when_deleting(container: ContainerClient) -> None:
    properties = await container.get_container_properties()
    with pytest.raises(HttpResponseError) as refused:
        await container.delete_container(if_unmodified_since=properties.last_modified.replace(year=2000))
    assert refused.value.status_code == 412
    await container.delete_container(if_unmodified_since=properties.last_modified)


async def test_a_lease_that_nobody_has_deletes_nothing(container: ContainerClient) -> None:
    with pytest.raises(HttpResponseError) as leased:
        await container.delete_container(lease="00000000-0000-0000-0000-000000000000")
    assert leased.value.error_code == "LeaseNotPresentWithContainerOperation"
    assert await container.exists()


async def test_the_sync_client_works_too(server: Server) -> None:
    def use() -> list[str]:
        with SyncServiceClient.from_connection_string(server.connection_string, retry_total=0) as client:
            container = client.create_container("sync")
            container.upload_blob("a/b", b"hello", overwrite=True)
            assert container.download_blob("a/b").readall() == b"hello"
            return [blob.name for blob in container.list_blobs()]

    assert await asyncio.to_thread(use) == ["a/b"]
