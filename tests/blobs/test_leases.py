import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.sdk import code


@pytest.fixture
async def blob(container: ContainerClient) -> BlobClient:
    blob = container.get_blob_client("held")
    await blob.upload_blob(b"first")
    return blob


async def test_only_the_holder_changes_a_blob(blob: BlobClient) -> None:
    etag = (await blob.get_blob_properties()).etag
    lease = await blob.acquire_lease(lease_duration=15)
    properties = await blob.get_blob_properties()
    assert properties.etag == etag
    assert (properties.lease.status, properties.lease.state) == ("locked", "leased")
    assert properties.lease.duration == "fixed"
    for call in (
        blob.upload_blob(b"second", overwrite=True),
        blob.set_blob_metadata({"a": "b"}),
        blob.set_http_headers(),
        blob.delete_blob(),
        blob.stage_block("AAAA", b"x"),
        blob.commit_block_list([]),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await call
        assert code(refused) == (412, "LeaseIdMissing")
    assert await (await blob.download_blob()).readall() == b"first"
    await blob.upload_blob(b"second", overwrite=True, lease=lease)
    await blob.create_snapshot()
    assert (await blob.get_blob_properties()).lease.state == "leased"
    with pytest.raises(HttpResponseError) as refused:
        await blob.upload_blob(b"x", overwrite=True, lease="00000000-0000-0000-0000-000000000000")
    assert code(refused) == (412, "LeaseIdMismatchWithBlobOperation")
    await lease.change("11111111-1111-1111-1111-111111111111")
    await lease.renew()
    await lease.release()
    await blob.upload_blob(b"third", overwrite=True)


async def test_breaking_frees_a_blob(blob: BlobClient) -> None:
    lease = await blob.acquire_lease(lease_duration=-1)
    assert await lease.break_lease(lease_break_period=0) == 0
    assert (await blob.get_blob_properties()).lease.state == "broken"
    with pytest.raises(HttpResponseError) as refused:
        await lease.renew()
    assert code(refused) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    await blob.upload_blob(b"free", overwrite=True)
    assert (await blob.get_blob_properties()).lease.state == "available"


async def test_a_second_holder_is_refused(blob: BlobClient) -> None:
    await blob.acquire_lease()
    with pytest.raises(HttpResponseError) as refused:
        await blob.acquire_lease()
    assert code(refused) == (409, "LeaseAlreadyPresent")


async def test_only_the_holder_deletes_a_container(container: ContainerClient) -> None:
    lease = await container.acquire_lease(lease_duration=60)
    properties = await container.get_container_properties()
    assert (properties.lease.status, properties.lease.state) == ("locked", "leased")
    with pytest.raises(HttpResponseError) as refused:
        await container.delete_container()
    assert code(refused) == (412, "LeaseIdMissing")
    await container.upload_blob("not held", b"x")
    await container.set_container_metadata({"a": "b"}, lease=lease)
    await container.delete_container(lease=lease)


async def test_lists_tell_leases(blob: BlobClient, container: ContainerClient) -> None:
    await blob.acquire_lease(lease_duration=-1)
    (listed,) = [found async for found in container.list_blobs()]
    assert (listed.lease.status, listed.lease.state, listed.lease.duration) == (
        "locked",
        "leased",
        "infinite",
    )
