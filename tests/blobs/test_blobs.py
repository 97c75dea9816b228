import base64
import hashlib
from datetime import timedelta

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobType, ContentSettings
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.sdk import content
from tests.blobs.server import Server, serving

SIZES = [0, 1, 16 * 1024, 16 * 1024 + 1, 100_000, 1024 * 1024]


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_put_is_what_one_gets(container: ContainerClient, size: int) -> None:
    data = content(size)
    blob = container.get_blob_client("dir/ä b%2F+.txt")
    written = await blob.upload_blob(data, metadata={"kind": "text"})
    assert bytes(written["content_md5"]) == md5(data)
    download = await blob.download_blob()
    assert await download.readall() == data
    properties = await blob.get_blob_properties()
    assert properties.name == "dir/ä b%2F+.txt"
    assert properties.size == size
    assert properties.etag == written["etag"]
    assert properties.metadata == {"kind": "text"}
    assert properties.blob_type == BlobType.BlockBlob
    assert properties.content_settings.content_type == "application/octet-stream"
    assert bytes(properties.content_settings.content_md5 or b"") == md5(data)


async def test_blobs_outlive_the_service(tmp_path_factory: pytest.TempPathFactory) -> None:
    from azure.storage.blob.aio import BlobServiceClient

    directory = tmp_path_factory.mktemp("kept")
    for first in (True, False):
        async with (
            serving(directory) as server,
            BlobServiceClient.from_connection_string(server.connection_string) as client,
        ):
            container = client.get_container_client("kept")
            if first:
                await container.create_container()
                await container.upload_blob("small", b"small")
                await container.upload_blob("large", content(50_000))
            for name, data in (("small", b"small"), ("large", content(50_000))):
                assert await (await container.download_blob(name)).readall() == data


async def test_ranges_of_inline_and_of_file_content(container: ContainerClient) -> None:
    for size in (10_000, 1_000_000):
        data = content(size)
        await container.upload_blob("ranged", data, overwrite=True)
        for offset, length in ((0, 1), (size - 1, 1), (17, 5000), (size - 10, 100), (5, None)):
            part = await container.download_blob("ranged", offset=offset, length=length)
            assert await part.readall() == data[offset : None if length is None else offset + length]


async def test_an_empty_blob_has_no_range(container: ContainerClient) -> None:
    await container.upload_blob("empty", b"")
    assert await (await container.download_blob("empty")).readall() == b""
    with pytest.raises(HttpResponseError) as refused:
        await container.download_blob("empty", offset=1, length=2)
    assert refused.value.status_code == 416
    assert refused.value.error_code == "InvalidRange"


async def test_the_md5_of_a_range(container: ContainerClient) -> None:
    await container.upload_blob("checked", content(100_000))
    part = await container.download_blob("checked", offset=10, length=50_000, validate_content=True)
    assert await part.readall() == content(100_000)[10:50_010]


async def test_overwriting_needs_permission_of_the_condition(container: ContainerClient) -> None:
    await container.upload_blob("one", b"first")
    with pytest.raises(ResourceExistsError) as refused:
        await container.upload_blob("one", b"second")
    assert refused.value.status_code == 409
    assert refused.value.error_code == "BlobAlreadyExists"
    assert await (await container.download_blob("one")).readall() == b"first"


async def test_overwritten_content_leaves_the_disk(container: ContainerClient, server: Server) -> None:
    for size in (100_000, 200_000, 10):
        await container.upload_blob("one", content(size), overwrite=True)
        await server.content.settle()
        assert len(server.files.numbers()) == (size > 16 * 1024)
        assert await (await container.download_blob("one")).readall() == content(size)
    await container.upload_blob("one", content(100_000), overwrite=True)
    await container.delete_blob("one")
    await server.content.settle()
    assert server.files.numbers() == set()


async def test_etag_conditions(container: ContainerClient) -> None:
    blob = container.get_blob_client("guarded")
    old = (await blob.upload_blob(b"1"))["etag"]
    new = (await blob.upload_blob(b"2", overwrite=True))["etag"]
    assert old != new
    same, differs = MatchConditions.IfNotModified, MatchConditions.IfModified
    with pytest.raises(ResourceModifiedError) as refused:
        await blob.upload_blob(b"3", overwrite=True, etag=old, match_condition=same)
    assert refused.value.error_code == "ConditionNotMet"
    with pytest.raises(HttpResponseError) as unchanged:
        await blob.get_blob_properties(etag=new, match_condition=differs)
    assert unchanged.value.status_code == 304
    with pytest.raises(ResourceModifiedError):
        await blob.delete_blob(etag=old, match_condition=same)
    with pytest.raises(ResourceModifiedError):
        await container.upload_blob("absent", b"", overwrite=True, etag=new, match_condition=same)
    await blob.delete_blob(etag=new, match_condition=same)
    assert not await blob.exists()


async def test_time_conditions(container: ContainerClient) -> None:
    blob = container.get_blob_client("guarded")
    await blob.upload_blob(b"1")
    modified = (await blob.get_blob_properties()).last_modified
    earlier = modified - timedelta(seconds=1)
    with pytest.raises(HttpResponseError) as unchanged:
        await blob.download_blob(if_modified_since=modified)
    assert unchanged.value.status_code == 304
    await blob.download_blob(if_modified_since=earlier)
    with pytest.raises(ResourceModifiedError):
        await blob.set_blob_metadata({"a": "1"}, if_unmodified_since=earlier)
    await blob.set_blob_metadata({"a": "1"}, if_unmodified_since=modified)


async def test_metadata_and_properties_are_replaced(container: ContainerClient) -> None:
    blob = container.get_blob_client("described")
    settings = ContentSettings(
        content_type="text/plain",
        content_language="de",
        cache_control="no-cache",
        content_disposition="inline",
    )
    await blob.upload_blob(b"text", content_settings=settings)
    before = await blob.get_blob_properties()
    assert before.content_settings.content_type == "text/plain"
    assert before.content_settings.content_disposition == "inline"
    await blob.set_blob_metadata({"one": "1", "two": "2"})
    await blob.set_http_headers(ContentSettings(content_type="text/html"))
    after = await blob.get_blob_properties()
    assert after.metadata == {"one": "1", "two": "2"}
    assert after.content_settings.content_type == "text/html"
    assert after.content_settings.content_language is None
    assert after.creation_time == before.creation_time
    assert after.etag != before.etag


async def test_properties_without_a_content_type_leave_none(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", content_settings=ContentSettings(content_type="text/plain"))
    await blob.set_http_headers(ContentSettings(cache_control="no-cache"))
    found = (await blob.get_blob_properties()).content_settings
    assert (found.content_type, found.cache_control) == (None, "no-cache")
    listed = [blob.content_settings async for blob in container.list_blobs()]
    assert [(settings.content_type, settings.cache_control) for settings in listed] == [(None, "no-cache")]
    seen: dict[str, str] = {}
    await blob.download_blob(raw_response_hook=lambda told: seen.update(told.http_response.headers))
    assert "Content-Type" not in seen
    await blob.set_http_headers(None)
    assert (await blob.get_blob_properties()).content_settings.cache_control is None
    await blob.upload_blob(b"y", overwrite=True)
    assert (await blob.get_blob_properties()).content_settings.content_type == "application/octet-stream"


async def test_a_wrong_md5_stores_nothing(container: ContainerClient, server: Server) -> None:
    wrong = base64.b64encode(md5(b"other")).decode()
    for size in (10, 100_000):
        with pytest.raises(HttpResponseError) as refused:
            await container.upload_blob("checked", content(size), headers={"Content-MD5": wrong})
        assert refused.value.status_code == 400
        assert refused.value.error_code == "Md5Mismatch"
        with pytest.raises(HttpResponseError) as malformed:
            await container.upload_blob("checked", content(size), headers={"Content-MD5": "AAAA"})
        assert malformed.value.error_code == "InvalidMd5"
    await server.content.settle()
    assert not await container.get_blob_client("checked").exists()
    assert server.files.numbers() == set()


async def test_missing_things_are_named(container: ContainerClient) -> None:
    with pytest.raises(ResourceNotFoundError) as missing:
        await container.download_blob("absent")
    assert missing.value.error_code == "BlobNotFound"
    await container.delete_container()
    with pytest.raises(ResourceNotFoundError) as gone:
        await container.upload_blob("absent", b"")
    assert gone.value.error_code == "ContainerNotFound"


async def test_what_is_not_built_is_refused_by_name(container: ContainerClient) -> None:
    blob = container.get_blob_client("plain")
    await blob.upload_blob(b"as it was")
    refusals = {
        "UnsupportedHeader": (lambda: blob.upload_blob(b"x", overwrite=True, legal_hold=True),),
        "UnsupportedQueryParameter": (lambda: blob.start_copy_from_url(blob.url, incremental_copy=True),),
        "LeaseNotPresentWithBlobOperation": (
            lambda: blob.upload_blob(b"x", overwrite=True, lease="00000000-0000-0000-0000-000000000000"),
        ),
    }
    for code, calls in refusals.items():
        for call in calls:
            with pytest.raises(HttpResponseError) as refused:
                await call()
            assert refused.value.error_code == code
    assert await (await blob.download_blob()).readall() == b"as it was"
    assert [item.name async for item in container.list_blobs()] == ["plain"]


async def test_metadata_keeps_the_case_of_its_names(client: BlobServiceClient) -> None:
    names = {"Category": "Red", "camelCase": "b", "UPPER_1": "c", "lower": "d"}
    container = await client.create_container("spelled", metadata=names)
    blob = container.get_blob_client("b")
    await blob.upload_blob(b"x", metadata=names)
    assert (await container.get_container_properties()).metadata == names
    assert (await blob.get_blob_properties()).metadata == names
    assert (await blob.download_blob()).properties.metadata == names
    assert [found.metadata async for found in container.list_blobs(include=["metadata"])] == [names]
    assert [found.metadata async for found in client.list_containers(include_metadata=True)] == [names]
    await blob.set_blob_metadata({"cATEGORY": "Blue"})
    assert (await blob.get_blob_properties()).metadata == {"cATEGORY": "Blue"}
