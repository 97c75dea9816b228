"""Copies and content from URLs within the service, with the official client."""

import base64
import hashlib
from collections.abc import Awaitable, Callable

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    BlobBlock,
    BlobType,
    ContentSettings,
    StandardBlobTier,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.sdk import read, signed
from tests.blobs.server import NAME, NEIGHBOUR, Server

BIG = bytes(range(256)) * 512
PAGE = b"p" * 512


@pytest.fixture
async def source(container: ContainerClient) -> BlobClient:
    settings = ContentSettings(content_type="text/x-one", cache_control="none")
    return await container.upload_blob("source", BIG, content_settings=settings, metadata={"Kind": "one"})


async def test_a_copy_shares_content_and_takes_everything_over(
    server: Server, container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    started = await copy.start_copy_from_url(source.url)
    assert started["copy_status"] == "success"
    found = await copy.get_blob_properties()
    assert found.metadata == {"Kind": "one"}
    assert (found.content_settings.content_type, found.content_settings.cache_control) == (
        "text/x-one",
        "none",
    )
    assert (found.copy.id, found.copy.progress) == (started["copy_id"], f"{len(BIG)}/{len(BIG)}")
    assert len(await server.files.stored()) == 1
    await source.delete_blob()
    assert await read(copy) == BIG


async def test_metadata_given_with_a_copy_replace_those_of_the_source(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    await copy.start_copy_from_url(source.url, metadata={"Kind": "two"}, tags={"a": "b"})
    assert (await copy.get_blob_properties()).metadata == {"Kind": "two"}
    assert await copy.get_blob_tags() == {"a": "b"}


async def test_this_service_is_known_by_its_other_names(
    server: Server, container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    port = server.address[1]
    for url in (
        f"http://localhost:{port}/{NAME}/things/source",
        f"http://{NAME}.blob.localhost:{port}/things/source",
    ):
        await copy.start_copy_from_url(url)
        assert await read(copy) == BIG


async def test_a_snapshot_is_copied_over_its_blob(container: ContainerClient, source: BlobClient) -> None:
    snapshot = await source.create_snapshot()
    await source.upload_blob(b"later", overwrite=True)
    await source.start_copy_from_url(f"{source.url}?snapshot={snapshot['snapshot']}")
    assert await read(source) == BIG


async def test_append_and_page_blobs_keep_their_type_and_go_their_own_ways(
    container: ContainerClient,
) -> None:
    log = container.get_blob_client("log")
    await log.upload_blob(b"one ", blob_type=BlobType.APPENDBLOB)
    copy = container.get_blob_client("log2")
    await copy.start_copy_from_url(log.url)
    await log.append_block(b"two")
    await copy.append_block(b"TWO")
    assert (await read(log), await read(copy)) == (b"one two", b"one TWO")
    assert (await copy.get_blob_properties()).append_blob_committed_block_count == 2
    disk, other = container.get_blob_client("disk"), container.get_blob_client("disk2")
    await disk.create_page_blob(2048, sequence_number=7)
    await disk.upload_page(PAGE, 512, 512)
    await other.start_copy_from_url(disk.url)
    await other.upload_page(PAGE, 0, 512)
    assert await read(disk) == bytes(512) + PAGE + bytes(1024)
    assert await read(other) == PAGE + PAGE + bytes(1024)
    assert (await other.get_blob_properties()).page_blob_sequence_number == 7


async def test_a_copy_from_url_waits(container: ContainerClient, source: BlobClient) -> None:
    copy = container.get_blob_client("copy")
    done = await copy.start_copy_from_url(signed(source), requires_sync=True)
    assert done["copy_status"] == "success"
    assert await read(copy) == BIG


async def test_a_change_of_properties_forgets_the_copy_and_keeps_the_tags(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    await copy.start_copy_from_url(source.url, tags={"a": "b"})
    await copy.set_blob_metadata({"a": "1"})
    assert (await copy.get_blob_properties()).copy.status == "success"
    await copy.set_http_headers(ContentSettings(content_type="text/plain"))
    found = await copy.get_blob_properties()
    assert (found.copy.status, found.tag_count) == (None, 1)


async def test_put_from_url_keeps_or_replaces_properties(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    await copy.upload_blob_from_url(signed(source))
    assert (await copy.get_blob_properties()).content_settings.content_type == "text/x-one"
    digest = bytearray(hashlib.md5(BIG, usedforsecurity=False).digest())
    await copy.upload_blob_from_url(
        signed(source), overwrite=True, include_source_blob_properties=False, source_content_md5=digest
    )
    found = await copy.get_blob_properties()
    assert found.content_settings.content_type == "application/octet-stream"
    assert (found.content_settings.content_md5, found.copy.id) == (digest, None)
    with pytest.raises(HttpResponseError) as refused:
        await copy.upload_blob_from_url(signed(source), overwrite=True, source_content_md5=bytearray(16))
    assert refused.value.error_code == "Md5Mismatch"


async def test_blocks_appends_and_pages_come_from_ranges_of_a_url(
    container: ContainerClient, source: BlobClient
) -> None:
    blob = container.get_blob_client("blocks")
    ids = [base64.b64encode(str(number).encode()).decode() for number in range(2)]
    await blob.stage_block_from_url(ids[0], signed(source), source_offset=256, source_length=512)
    await blob.stage_block_from_url(ids[1], signed(source))
    await blob.commit_block_list([BlobBlock(block_id) for block_id in ids])
    assert await read(blob) == BIG[256:768] + BIG
    log = container.get_blob_client("log")
    await log.create_append_blob()
    await log.append_block_from_url(signed(source), source_offset=1, source_length=9)
    assert await read(log) == BIG[1:10]
    disk = container.get_blob_client("disk")
    await disk.create_page_blob(1024)
    await disk.upload_pages_from_url(signed(source), offset=512, length=512, source_offset=512)
    assert await read(disk) == bytes(512) + BIG[512:1024]


async def test_conditions_on_the_source_are_checked(container: ContainerClient, source: BlobClient) -> None:
    copy = container.get_blob_client("copy")
    etag = (await source.get_blob_properties()).etag
    for wanted, how, waiting, status in (
        ('"0x1"', MatchConditions.IfNotModified, {}, 412),
        (etag, MatchConditions.IfModified, {}, 412),
        ('"0x1"', MatchConditions.IfNotModified, {"requires_sync": True}, 412),
        (etag, MatchConditions.IfModified, {"requires_sync": True}, 304),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await copy.start_copy_from_url(
                signed(source), source_etag=wanted, source_match_condition=how, **waiting
            )
        expected = "CannotVerifyCopySource" if waiting else "ConditionNotMet"
        assert (refused.value.status_code, refused.value.error_code) == (status, expected)
    await copy.start_copy_from_url(
        source.url, source_etag=etag, source_match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(HttpResponseError) as exists:
        await copy.start_copy_from_url(source.url, match_condition=MatchConditions.IfMissing)
    assert exists.value.error_code == "BlobAlreadyExists"


async def test_a_source_that_is_not_there_leaves_nothing(container: ContainerClient) -> None:
    copy = container.get_blob_client("copy")
    with pytest.raises(ResourceNotFoundError) as refused:
        await copy.start_copy_from_url(f"{copy.url}-not")
    assert refused.value.error_code == "CannotVerifyCopySource"
    assert "The specified blob does not exist." in str(refused.value)
    assert refused.value.response.headers["x-ms-copy-source-error-code"] == "BlobNotFound"
    assert not await copy.exists()


async def test_only_a_copy_that_nobody_waits_for_takes_a_source_of_the_account_unsigned(
    container: ContainerClient, source: BlobClient
) -> None:
    block, log, disk = (container.get_blob_client(name) for name in ("block", "log", "disk"))
    await log.create_append_blob()
    await disk.create_page_blob(512)

    def ways(url: str) -> list[Callable[[], Awaitable[object]]]:
        return [
            lambda: block.start_copy_from_url(url, requires_sync=True),
            lambda: block.upload_blob_from_url(url, overwrite=True),
            lambda: block.stage_block_from_url("YQ==", url),
            lambda: log.append_block_from_url(url),
            lambda: disk.upload_pages_from_url(url, offset=0, length=512, source_offset=0),
        ]

    for way in ways(source.url):
        with pytest.raises(HttpResponseError) as refused:
            await way()
        assert (refused.value.status_code, refused.value.error_code) == (401, "CannotVerifyCopySource")
        assert "Please refer to the information in the www-authenticate header" in str(refused.value)
        assert refused.value.response.headers["x-ms-copy-source-status-code"] == "401"
    assert not await block.exists()
    for way in ways(signed(source)):
        await way()
    await container.set_container_access_policy({}, public_access="blob")
    for way in ways(source.url):
        await way()
    assert await read(log) == BIG + BIG


async def test_a_token_for_the_target_does_not_open_the_source(
    container: ContainerClient, source: BlobClient
) -> None:
    target = container.get_blob_client("copy")
    async with BlobClient.from_blob_url(signed(target, permission="cw"), retry_total=0) as limited:
        for url in (source.url, signed(source, permission="w"), signed(source)[:-8] + "AAAAAAA%3D"):
            with pytest.raises(HttpResponseError) as refused:
                await limited.start_copy_from_url(url)
            assert refused.value.error_code == "CannotVerifyCopySource"
        assert not await target.exists()
        await limited.start_copy_from_url(signed(source))
    assert await read(target) == BIG


async def test_another_port_is_another_service_whatever_the_host(
    server: Server, container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    port = server.address[1]
    for origin in (f"http://{NAME}.blob.localhost:{port - 1}", f"https://{NAME}.blob.localhost:{port}"):
        with pytest.raises(HttpResponseError) as refused:
            await copy.start_copy_from_url(f"{origin}/things/source")
        assert (refused.value.status_code, refused.value.error_code) == (403, "CannotVerifyCopySource")
    assert not await copy.exists()


async def test_an_archived_blob_is_copied_to_an_online_tier_only(
    container: ContainerClient, source: BlobClient
) -> None:
    await source.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    copy = container.get_blob_client("copy")
    with pytest.raises(HttpResponseError) as refused:
        await copy.start_copy_from_url(source.url)
    assert refused.value.error_code == "BlobArchived"
    with pytest.raises(HttpResponseError) as waiting:
        await copy.upload_blob_from_url(signed(source), standard_blob_tier=StandardBlobTier.HOT)
    assert waiting.value.error_code == "BlobArchived"
    await copy.start_copy_from_url(source.url, standard_blob_tier=StandardBlobTier.HOT)
    assert await read(copy) == BIG


async def refuse_archived(source: BlobClient, copy: BlobClient) -> None:
    """Whether an online tier is wanted or not."""
    await source.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    url = signed(source)
    for way in (
        lambda: copy.start_copy_from_url(url),
        lambda: copy.start_copy_from_url(url, standard_blob_tier=StandardBlobTier.HOT),
        lambda: copy.start_copy_from_url(url, requires_sync=True),
        lambda: copy.upload_blob_from_url(url),
        lambda: copy.stage_block_from_url("YQ==", url),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await way()
        assert (refused.value.status_code, refused.value.error_code) == (409, "CannotVerifyCopySource")
        assert refused.value.response.headers["x-ms-copy-source-error-code"] == "BlobArchived"
    assert not await copy.exists()


async def test_an_archived_blob_of_another_account_cannot_be_read(
    server: Server, container: ContainerClient
) -> None:
    neighbour = BlobServiceClient.from_connection_string(server.connection_to(NEIGHBOUR), retry_total=0)
    async with neighbour:
        there = await neighbour.create_container("there")
        await refuse_archived(await there.upload_blob("source", BIG), container.get_blob_client("copy"))


async def test_a_list_shows_tiers_tags_and_copies(container: ContainerClient, source: BlobClient) -> None:
    await source.set_blob_tags({"a": "b"})
    await source.set_standard_blob_tier(StandardBlobTier.COOL)
    await container.get_blob_client("copy").start_copy_from_url(source.url)
    copy, original = [blob async for blob in container.list_blobs(include=["tags", "copy"])]
    assert (copy.copy.status, copy.copy.progress) == ("success", f"{len(BIG)}/{len(BIG)}")
    assert (copy.blob_tier, copy.blob_tier_inferred, copy.tags) == ("Hot", True, None)
    assert (original.blob_tier, original.tags, original.tag_count) == ("Cool", {"a": "b"}, 1)
    plain = [blob async for blob in container.list_blobs()]
    assert [(blob.copy.id, blob.tags) for blob in plain] == [(None, None), (None, None)]


async def test_what_a_kind_of_copy_cannot_do_is_refused(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    url = {"x-ms-copy-source": source.url}
    for wanted in (
        lambda: copy.start_copy_from_url(source.url, seal_destination_blob=True),
        lambda: copy.start_copy_from_url(
            source.url, requires_sync=True, headers={**url, "x-ms-seal-blob": "true"}
        ),
        lambda: copy.upload_blob_from_url(source.url, headers={**url, "x-ms-seal-blob": "true"}),
        lambda: copy.start_copy_from_url(source.url, headers={**url, "x-ms-copy-source-tag-option": "COPY"}),
        lambda: copy.upload_blob_from_url(source.url, headers={**url, "x-ms-source-range": "bytes=0-0"}),
        lambda: copy.start_copy_from_url(source.url, headers={**url, "x-ms-source-range": "bytes=0-0"}),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await wanted()
        assert (refused.value.status_code, refused.value.error_code) == (400, "UnsupportedHeader")
    assert not await copy.exists()


async def test_a_source_by_the_clouds_name_is_here_if_the_account_is(
    container: ContainerClient, source: BlobClient
) -> None:
    here = signed(source).replace(source.url.partition("/things")[0], f"https://{NAME}.blob.core.windows.net")
    copied = container.get_blob_client("copied")
    await copied.upload_blob_from_url(here)
    assert await read(copied) == BIG
    with pytest.raises(HttpResponseError, match="copy_origins"):
        await copied.upload_blob_from_url(here.replace(NAME, "another"))
