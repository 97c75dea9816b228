"""Keys and scopes of clients: kept apart, though nothing is encrypted."""

import base64
import hashlib

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import ContainerClient

from batchite.wire.blob import encryption
from batchite.wire.blob.errors import BlobError


def headers(key: bytes) -> dict[str, str]:
    return {
        "x-ms-encryption-key": base64.b64encode(key).decode(),
        "x-ms-encryption-key-sha256": base64.b64encode(hashlib.sha256(key).digest()).decode(),
        "x-ms-encryption-algorithm": "AES256",
    }


RIGHT, WRONG = headers(b"k" * 32), headers(b"w" * 32)


async def test_what_was_written_with_a_key_is_read_with_that_key_only(container: ContainerClient) -> None:
    blob = container.get_blob_client("b")
    written = await blob.upload_blob(b"x", headers=RIGHT)
    assert written["encryption_key_sha256"] == RIGHT["x-ms-encryption-key-sha256"]
    for sent, code in (
        ({}, "BlobUsesCustomerSpecifiedEncryption"),
        (WRONG, "BlobCustomerSpecifiedEncryptionMismatch"),
    ):
        for use in (blob.download_blob, blob.get_blob_properties, blob.create_snapshot):
            with pytest.raises(HttpResponseError) as refused:
                await use(headers=sent)
            assert refused.value.status_code == 409
        with pytest.raises(HttpResponseError) as refused:
            await blob.set_blob_metadata({"a": "1"}, headers={**sent})
        assert refused.value.error_code == code
    assert await (await blob.download_blob(headers=RIGHT)).readall() == b"x"


async def test_a_blob_without_a_key_is_not_read_with_one(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x")
    with pytest.raises(HttpResponseError) as refused:
        await blob.set_blob_metadata({}, headers=RIGHT)
    assert refused.value.error_code == "BlobDoesNotUseCustomerSpecifiedEncryption"


@pytest.mark.parametrize(
    ("staged", "committed", "code"),
    [
        (RIGHT, {}, "BlobUsesCustomerSpecifiedEncryption"),
        ({}, RIGHT, "BlobDoesNotUseCustomerSpecifiedEncryption"),
        (RIGHT, WRONG, "BlobCustomerSpecifiedEncryptionMismatch"),
    ],
)
async def test_blocks_are_committed_with_the_key_they_were_staged_with(
    container: ContainerClient, staged: dict[str, str], committed: dict[str, str], code: str
) -> None:
    blob = container.get_blob_client("b")
    await blob.stage_block("a", b"one ", headers=committed)
    await blob.stage_block("b", b"two", headers=staged)
    blocks = [BlobBlock("a"), BlobBlock("b")]
    with pytest.raises(HttpResponseError) as refused:
        await blob.commit_block_list(blocks, headers=committed)
    assert (refused.value.status_code, refused.value.error_code) == (409, code)
    assert not await container.get_blob_client("b").exists()
    await blob.stage_block("a", b"one ", headers=staged)
    await blob.commit_block_list(blocks, headers=staged)
    with pytest.raises(HttpResponseError) as refused:
        await blob.commit_block_list(blocks, headers=committed)
    assert (refused.value.status_code, refused.value.error_code) == (409, code)
    await blob.commit_block_list(blocks[::-1], headers=staged)
    assert await (await blob.download_blob(headers=staged)).readall() == b"twoone "


async def test_lists_of_blocks_and_pages_need_no_key(container: ContainerClient) -> None:
    blob, disk = container.get_blob_client("b"), container.get_blob_client("disk")
    await blob.stage_block("a", b"one", headers=RIGHT)
    await blob.commit_block_list([BlobBlock("a")], headers=RIGHT)
    await blob.stage_block("b", b"two", headers=RIGHT)
    committed, staged = await blob.get_block_list("all")
    assert ([block.id for block in committed], [block.id for block in staged]) == (["a"], ["b"])
    await disk.create_page_blob(512, headers=RIGHT)
    await disk.upload_page(b"p" * 512, 0, 512, headers=RIGHT)
    assert [(found.start, found.end) async for found in disk.list_page_ranges()] == [(0, 511)]


async def test_the_name_of_a_scope_is_shown_again(container: ContainerClient) -> None:
    blob = await container.upload_blob("b", b"x", encryption_scope="my-scope")
    found = await blob.get_blob_properties()
    assert (found.encryption_scope, found.server_encrypted) == ("my-scope", True)


async def test_everything_is_said_to_be_encrypted_but_a_snapshot_that_is_taken(
    container: ContainerClient,
) -> None:
    said: list[str | None] = []

    def listen(answer: PipelineResponse[HttpRequest, AsyncHttpResponse]) -> None:
        headers = answer.http_response.headers
        said.append(headers.get("x-ms-server-encrypted") or headers.get("x-ms-request-server-encrypted"))

    block, log, disk = (container.get_blob_client(name) for name in ("block", "log", "disk"))
    for write in (
        lambda: block.upload_blob(b"x", raw_response_hook=listen),
        lambda: block.stage_block("YQ==", b"x", raw_response_hook=listen),
        lambda: block.commit_block_list([BlobBlock("YQ==")], raw_response_hook=listen),
        lambda: block.set_blob_metadata({"a": "1"}, raw_response_hook=listen),
        lambda: log.create_append_blob(raw_response_hook=listen),
        lambda: log.append_block(b"x", raw_response_hook=listen),
        lambda: disk.create_page_blob(512, raw_response_hook=listen),
        lambda: disk.upload_page(b"x" * 512, 0, 512, raw_response_hook=listen),
        lambda: block.get_blob_properties(raw_response_hook=listen),
        lambda: block.download_blob(raw_response_hook=listen),
        lambda: block.create_snapshot(raw_response_hook=listen),
    ):
        await write()
    assert said == ["true"] * 10 + ["false"]
    assert [found.server_encrypted async for found in container.list_blobs(include=["snapshots"])] == [
        True
    ] * 4


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"x-ms-encryption-key": "eA=="}, "InvalidHeaderValue"),
        ({"x-ms-encryption-key": "%"}, "InvalidHeaderValue"),
        ({"x-ms-encryption-key-sha256": WRONG["x-ms-encryption-key-sha256"]}, "InvalidHeaderValue"),
        ({"x-ms-encryption-algorithm": "ROT13"}, "InvalidHeaderValue"),
        ({"x-ms-encryption-algorithm": ""}, "MissingRequiredHeader"),
    ],
)
def test_a_key_that_is_none_is_refused(changed: dict[str, str], code: str) -> None:
    with pytest.raises(BlobError) as refused:
        encryption.key_hash(RIGHT | changed)
    assert refused.value.code == code
    assert RIGHT["x-ms-encryption-key"] not in str(refused.value.details)
