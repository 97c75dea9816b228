"""Access tiers, with the official client."""

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from azure.storage.blob import BlobBlock, StandardBlobTier
from azure.storage.blob.aio import ContainerClient


async def test_a_blob_is_hot_until_somebody_says_otherwise(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x")
    before = await blob.get_blob_properties()
    await blob.set_standard_blob_tier(StandardBlobTier.COOL)
    after = await blob.get_blob_properties()
    assert (before.blob_tier, before.blob_tier_inferred) == ("Hot", True)
    assert (after.blob_tier, after.blob_tier_inferred, after.etag) == ("Cool", None, before.etag)
    assert after.blob_tier_change_time is not None


async def test_a_tier_is_given_with_the_content(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", standard_blob_tier=StandardBlobTier.COLD)
    assert (await blob.get_blob_properties()).blob_tier == "Cold"
    await blob.stage_block("YQ==", b"x")
    await blob.commit_block_list([BlobBlock("YQ==")], standard_blob_tier=StandardBlobTier.COOL)
    assert (await blob.get_blob_properties()).blob_tier == "Cool"


async def test_an_archived_blob_keeps_its_content_to_itself_until_it_is_online(
    container: ContainerClient,
) -> None:
    blob = await container.upload_blob("b", b"x", metadata={"a": "1"})
    await blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    for read in (blob.download_blob, lambda: blob.set_blob_metadata({}), lambda: blob.set_http_headers(None)):
        with pytest.raises(HttpResponseError) as refused:
            await read()
        assert refused.value.error_code == "BlobArchived"
    assert (await blob.get_blob_properties()).metadata == {"a": "1"}
    await blob.set_standard_blob_tier(StandardBlobTier.HOT, rehydrate_priority="High")
    assert await (await blob.download_blob()).readall() == b"x"


async def test_only_block_blobs_have_a_tier(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    await blob.create_append_blob()
    with pytest.raises(HttpResponseError) as refused:
        await blob.set_standard_blob_tier(StandardBlobTier.COOL)
    assert refused.value.error_code == "InvalidBlobType"
    assert (await blob.get_blob_properties()).blob_tier is None


async def test_deleting_heeds_when_the_tier_was_changed(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x")
    await blob.set_standard_blob_tier(StandardBlobTier.COOL)
    changed = (await blob.get_blob_properties()).blob_tier_change_time
    for condition in (
        {"access_tier_if_unmodified_since": changed - timedelta(seconds=1)},
        {"access_tier_if_modified_since": changed},
    ):
        with pytest.raises(ResourceModifiedError) as refused:
            await blob.delete_blob(**condition)
        assert refused.value.error_code == "ConditionNotMet"
    await blob.delete_blob(
        access_tier_if_modified_since=changed - timedelta(seconds=1), access_tier_if_unmodified_since=changed
    )
    assert not await blob.exists()


@pytest.mark.parametrize("kind", ["tier", "tags"])
async def test_a_lease_guards_tier_and_tags(container: ContainerClient, kind: str) -> None:
    blob = await container.upload_blob("b", b"x", tags={"a": "1"})

    async def change(**how: str) -> None:
        if kind == "tier":
            await blob.set_standard_blob_tier(StandardBlobTier.COOL, **how)
        else:
            await blob.set_blob_tags({"a": "2"}, **how)

    lease = await blob.acquire_lease()
    for given, code in (
        ({}, "LeaseIdMissing"),
        ({"lease": "00000000-0000-0000-0000-000000000000"}, "LeaseIdMismatchWithBlobOperation"),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await change(**given)
        assert (refused.value.status_code, refused.value.error_code) == (412, code)
    assert (await blob.get_blob_properties()).blob_tier == "Hot"
    assert await blob.get_blob_tags() == {"a": "1"}
    await change(lease=lease.id)
    tier, tags = (await blob.get_blob_properties()).blob_tier, await blob.get_blob_tags()
    assert (tier, tags) == (("Cool", {"a": "1"}) if kind == "tier" else ("Hot", {"a": "2"}))
