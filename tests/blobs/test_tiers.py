"""Access tiers, with the official client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from azure.storage.blob import BlobBlock, PremiumPageBlobTier, RehydratePriority, StandardBlobTier
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.server import AS_THE_CLOUD, serving

from batchite.configuration.fidelity import Fidelity
from batchite.machine.clock import SystemClock
from batchite.testing import FakeClock


@asynccontextmanager
async def archived(
    tmp_path: Path, empty_database: bytes, fidelity: Fidelity = AS_THE_CLOUD
) -> AsyncIterator[tuple[BlobClient, FakeClock]]:
    """A blob in the archive of a service whose clock stands still."""
    (tmp_path / "blobs.db").write_bytes(empty_database)
    clock = FakeClock(SystemClock().now())
    async with (
        serving(tmp_path, clock=clock, fidelity=fidelity) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        container = await client.create_container("things")
        blob = await container.upload_blob("b", b"x", metadata={"a": "1"})
        await blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
        yield blob, clock


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


async def status(blob: BlobClient) -> int:
    """Of a call that asks for the tier Hot."""
    seen: list[int] = []
    await blob.set_standard_blob_tier(
        StandardBlobTier.HOT, raw_response_hook=lambda told: seen.append(told.http_response.status_code)
    )
    return seen[0]


async def refuse_to_read(blob: BlobClient) -> None:
    for read in (blob.download_blob, lambda: blob.set_blob_metadata({}), lambda: blob.set_http_headers(None)):
        with pytest.raises(HttpResponseError) as refused:
            await read()
        assert (refused.value.status_code, refused.value.error_code) == (409, "BlobArchived")
    assert (await blob.get_blob_properties()).metadata == {"a": "1"}


async def test_a_blob_takes_a_while_to_leave_the_archive(tmp_path: Path, empty_database: bytes) -> None:
    async with archived(tmp_path, empty_database) as (blob, clock):
        await refuse_to_read(blob)
        before = await blob.get_blob_properties()
        assert (before.blob_tier, before.archive_status, before.rehydrate_priority) == ("Archive", None, None)
        assert await status(blob) == 202
        clock.advance(seconds=4)
        await refuse_to_read(blob)
        async with ContainerClient.from_container_url(
            blob.url.rpartition("/")[0], blob.credential, retry_total=0
        ) as container:
            listed = [found async for found in container.list_blobs()]
            for found in (await blob.get_blob_properties(), *listed):
                assert (found.blob_tier, found.archive_status) == ("Archive", "rehydrate-pending-to-hot")
                assert found.rehydrate_priority == "Standard"
            assert found.etag.strip('"') == before.etag.strip('"')
            clock.advance(seconds=2)
            listed = [found async for found in container.list_blobs()]
            for found in (await blob.get_blob_properties(), *listed):
                assert (found.blob_tier, found.archive_status) == ("Hot", None)
                assert found.rehydrate_priority is None
        assert await (await blob.download_blob()).readall() == b"x"
        assert await status(blob) == 200


async def test_a_blob_on_its_way_can_be_hurried_and_not_sent_elsewhere(
    tmp_path: Path, empty_database: bytes
) -> None:
    async with archived(tmp_path, empty_database) as (blob, clock):
        await blob.set_standard_blob_tier(StandardBlobTier.COOL)
        for tier in (StandardBlobTier.HOT, StandardBlobTier.ARCHIVE):
            with pytest.raises(HttpResponseError) as refused:
                await blob.set_standard_blob_tier(tier)
            assert (refused.value.status_code, refused.value.error_code) == (409, "BlobBeingRehydrated")
        for priority in (RehydratePriority.HIGH, RehydratePriority.STANDARD):
            await blob.set_standard_blob_tier(StandardBlobTier.COOL, rehydrate_priority=priority)
            found = await blob.get_blob_properties()
            assert (found.archive_status, found.rehydrate_priority) == ("rehydrate-pending-to-cool", "High")
        clock.advance(seconds=5)
        assert (await blob.get_blob_properties()).blob_tier == "Cool"
        await blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
        assert (await blob.get_blob_properties()).archive_status is None
        await refuse_to_read(blob)


async def test_a_setting_lets_blobs_leave_the_archive_at_once(tmp_path: Path, empty_database: bytes) -> None:
    async with archived(tmp_path, empty_database, Fidelity(rehydration=0)) as (blob, _):
        assert await status(blob) == 202
        assert (await blob.get_blob_properties()).archive_status is None
        assert await (await blob.download_blob()).readall() == b"x"


async def test_page_blobs_have_tiers_of_their_own(container: ContainerClient) -> None:
    disk = container.get_blob_client("disk")
    await disk.create_page_blob(512, premium_page_blob_tier=PremiumPageBlobTier.P10)
    assert (await disk.get_blob_properties()).blob_tier == "P10"
    await disk.set_premium_page_blob_tier(PremiumPageBlobTier.P4)
    (listed,) = [blob async for blob in container.list_blobs()]
    assert (listed.blob_tier, listed.blob_tier_inferred) == ("P4", None)
    copy = container.get_blob_client("copy")
    await copy.start_copy_from_url(disk.url, premium_page_blob_tier=PremiumPageBlobTier.P20)
    assert (await copy.get_blob_properties()).blob_tier == "P20"
    with pytest.raises(HttpResponseError) as refused:
        await disk.set_standard_blob_tier(StandardBlobTier.COOL)
    assert refused.value.error_code == "InvalidBlobType"


async def test_the_smart_tier_shows_which_one_it_has_chosen(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", standard_blob_tier=StandardBlobTier.SMART)
    listed = [found async for found in container.list_blobs()]
    for found in (await blob.get_blob_properties(), *listed):
        assert (found.blob_tier, found.smart_access_tier) == ("Smart", "Hot")
    await blob.set_standard_blob_tier(StandardBlobTier.COLD)
    assert (await blob.get_blob_properties()).smart_access_tier is None


async def test_append_blobs_have_no_tier(container: ContainerClient) -> None:
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
