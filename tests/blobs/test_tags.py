"""Tags of blobs, and finding blobs by them, with the official client."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.by_hand import call
from tests.blobs.server import KEY, NAME, Server


async def names(found: AsyncIterator[object]) -> list[str]:
    return [blob.name async for blob in found]  # type: ignore[attr-defined]


async def test_tags_are_set_counted_and_replaced(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", tags={"color": "red", "a b": "c/d"})
    before = await blob.get_blob_properties()
    assert before.tag_count == 2
    assert await blob.get_blob_tags() == {"color": "red", "a b": "c/d"}
    await blob.set_blob_tags({"color": "blue"})
    after = await blob.get_blob_properties()
    assert await blob.get_blob_tags() == {"color": "blue"}
    assert (after.tag_count, after.etag, after.last_modified) == (1, before.etag, before.last_modified)


async def test_overwriting_a_blob_clears_its_tags(
    client: BlobServiceClient, container: ContainerClient
) -> None:
    blob = await container.upload_blob("b", b"x", tags={"color": "red"})
    await container.upload_blob("b", b"y", overwrite=True)
    assert await blob.get_blob_tags() == {}
    assert await names(client.find_blobs_by_tags("color='red'")) == []


async def test_blobs_are_found_by_tags_in_the_account_and_in_a_container(
    client: BlobServiceClient, container: ContainerClient
) -> None:
    other = await client.create_container("others")
    for number in range(3):
        await container.upload_blob(f"b{number}", b"x", tags={"n": str(number), "kind": "log"})
    await other.upload_blob("b9", b"x", tags={"n": "9", "kind": "log"})
    await container.upload_blob("untagged", b"x")
    assert await names(client.find_blobs_by_tags("kind='log'")) == ["b9", "b0", "b1", "b2"]
    assert await names(client.find_blobs_by_tags("kind='log' AND n >= '1' AND n < '9'")) == ["b1", "b2"]
    assert await names(client.find_blobs_by_tags("kind='log' AND @container='others'")) == ["b9"]
    assert await names(container.find_blobs_by_tags("n > '0'")) == ["b1", "b2"]


async def test_a_search_goes_on_page_by_page(client: BlobServiceClient, container: ContainerClient) -> None:
    for number in range(5):
        await container.upload_blob(f"b{number}", b"x", tags={"kind": "log", "other": "1"})
    pages = client.find_blobs_by_tags("kind='log'", results_per_page=2).by_page()
    found = [[blob async for blob in page] async for page in pages]
    assert [[blob.name for blob in page] for page in found] == [["b0", "b1"], ["b2", "b3"], ["b4"]]
    assert found[0][0].tags == {"kind": "log"}


async def test_deleted_blobs_are_not_found(client: BlobServiceClient, container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", tags={"kind": "log"})
    await blob.delete_blob()
    assert await names(client.find_blobs_by_tags("kind='log'")) == []


async def test_a_condition_on_tags_is_checked(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", tags={"color": "red"})
    with pytest.raises(ResourceModifiedError):
        await blob.set_blob_metadata({"a": "1"}, if_tags_match_condition="color='blue'")
    with pytest.raises(HttpResponseError) as refused:
        await blob.get_blob_properties(if_tags_match_condition="color=blue")
    assert refused.value.status_code == 400
    await blob.set_blob_metadata({"a": "1"}, if_tags_match_condition="color='red' OR color='blue'")
    assert (await blob.get_blob_properties(if_tags_match_condition="NOT color='x'")).metadata == {"a": "1"}


async def test_a_search_that_is_no_search_says_why(client: BlobServiceClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await names(client.find_blobs_by_tags("color=blue"))
    assert refused.value.error_code == "InvalidQueryParameterValue"
    assert "Error parsing query at or near character position 7: expected a value in" in str(refused.value)


async def test_a_blank_before_the_name_of_a_tag_is_part_of_it(
    client: BlobServiceClient, container: ContainerClient
) -> None:
    blob = await container.upload_blob("b", b"x", tags={" one": "1"})
    assert await blob.get_blob_tags() == {" one": "1"}
    await blob.set_blob_tags({" two": " 2", "two": "3"})
    assert await blob.get_blob_tags() == {" two": " 2", "two": "3"}
    assert await names(client.find_blobs_by_tags("\" two\"=' 2'")) == ["b"]
    assert await names(client.find_blobs_by_tags("two=' 2'")) == []


async def test_a_condition_of_many_comparisons_comes_in_a_header(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", tags={"n": "999"})
    condition = " OR ".join(f"n='{number}'" for number in range(1000))
    assert (await blob.get_blob_properties(if_tags_match_condition=condition)).size == 1


async def test_a_token_without_the_permission_can_neither_set_nor_test_tags(
    server: Server, container: ContainerClient
) -> None:
    await container.upload_blob("b", b"x", tags={"color": "red"})
    token = generate_container_sas(
        NAME, "things", KEY, permission=ContainerSasPermissions(read=True, write=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    async with ContainerClient.from_container_url(f"{server.url}/things?{token}", retry_total=0) as limited:
        blob = limited.get_blob_client("b")
        for refused_call in (
            blob.get_blob_tags,
            lambda: blob.set_blob_tags({"a": "1"}),
            lambda: blob.upload_blob(b"y", overwrite=True, tags={"a": "1"}),
            lambda: blob.get_blob_properties(if_tags_match_condition="color='red'"),
        ):
            with pytest.raises(HttpResponseError) as refused:
                await refused_call()
            assert refused.value.status_code == 403


async def test_tags_have_conditions_of_their_own(container: ContainerClient, server: Server) -> None:
    blob = await container.upload_blob("b", b"x", tags={"a": "b"})
    etag = (await blob.get_blob_properties()).etag
    path, document = "/things/b?comp=tags", b"<Tags><TagSet/></Tags>"
    for name, value, get, put in (
        ("match", etag, 200, 204),
        ("match", '"0x1"', 412, 412),
        ("none-match", etag, 304, 412),
        ("modified-since", "yesterday", 400, 400),
    ):
        headers = {f"x-ms-blob-if-{name}": value}
        assert (await call(server, "GET", path, headers))[0] == get
        assert (await call(server, "PUT", path, headers, document))[0] == put
