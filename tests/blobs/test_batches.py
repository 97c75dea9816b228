"""Blob Batch: many deletions or tiers in one request."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    PartialBatchErrorException,
    ResourceTypes,
    StandardBlobTier,
    generate_account_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.bearer import token as all_permissions
from tests.blobs.server import KEY, NAME, Server


async def fill(container: ContainerClient, count: int) -> list[str]:
    names = [f"b{number}" for number in range(count)]
    for name in names:
        await container.upload_blob(name, b"x")
    return names


async def left(container: ContainerClient) -> list[str]:
    return [blob.name async for blob in container.list_blobs()]


async def test_many_blobs_are_deleted_at_once(container: ContainerClient) -> None:
    names = await fill(container, 5)
    answers = [answer async for answer in await container.delete_blobs(*names[:4])]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert await left(container) == ["b4"]


async def test_each_request_is_answered_by_itself(container: ContainerClient) -> None:
    names = await fill(container, 2)
    with pytest.raises(PartialBatchErrorException) as partial:
        await container.delete_blobs("absent", *names)
    assert [part.status_code for part in partial.value.parts] == [404, 202, 202]
    assert await left(container) == []


async def test_tiers_are_set_at_once(container: ContainerClient) -> None:
    names = await fill(container, 3)
    await container.set_standard_blob_tier_blobs(StandardBlobTier.COOL, *names)
    found = [await container.get_blob_client(name).get_blob_properties() for name in names]
    assert [blob.blob_tier for blob in found] == ["Cool"] * 3


@pytest.mark.parametrize(("permission", "status"), [("d", 202), ("r", 403)])
async def test_a_token_is_checked_for_each_request(
    server: Server, container: ContainerClient, permission: str, status: int
) -> None:
    await fill(container, 1)
    token = generate_account_sas(
        NAME, KEY, ResourceTypes(container=True, object=True),
        AccountSasPermissions.from_string(permission), datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    async with BlobServiceClient(server.url, credential=token, retry_total=0) as limited:
        mine = limited.get_container_client("things")
        answers = [part async for part in await mine.delete_blobs("b0", raise_on_any_failure=False)]
    assert [answer.status_code for answer in answers] == [status]
    assert await left(container) == ([] if status == 202 else ["b0"])


async def post(server: Server, where: str, *requests: str) -> tuple[int, str, str]:
    """Send requests of the form `VERB path?query` as a batch; status, error code and body."""
    credentials = all_permissions()
    parts = "".join(
        "--edge\r\nContent-Type: application/http\r\n\r\n"
        f"{request}{'&' if '?' in request else '?'}{credentials} HTTP/1.1\r\n"
        f"{'x-ms-access-tier: Cool' if 'comp=tier' in request else 'x-ms-any: 1'}\r\n\r\n"
        for request in requests
    )
    url = f"{server.url}{where}comp=batch&{credentials}"
    headers = {"Content-Type": "multipart/mixed; boundary=edge"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=f"{parts}--edge--\r\n", headers=headers) as answer,
    ):
        return answer.status, answer.headers.get("x-ms-error-code", ""), await answer.text()


@pytest.mark.parametrize(
    "requests",
    [
        [f"DELETE /{NAME}/things?restype=container"],
        [f"DELETE /{NAME}/things/b0?restype=container"],
        [f"DELETE /{NAME}/things/b0", f"DELETE /{NAME}/things?restype=container"],
        [f"DELETE /{NAME}/things/b0", f"PUT /{NAME}/things/b1?comp=tier"],
        [f"PUT /{NAME}/things/b0"],
        [f"PUT /{NAME}/things/b0?comp=metadata"],
        [f"GET /{NAME}/things/b0"],
        [f"DELETE /{NAME}/things/b0", f"DELETE /{NAME}/others/b0"],
        ["DELETE /somebody/things/b0"],
    ],
)
async def test_a_batch_has_deletions_or_tiers_of_blobs_and_nothing_else(
    client: BlobServiceClient, server: Server, container: ContainerClient, requests: list[str]
) -> None:
    others = await client.create_container("others")
    await fill(others, 1)
    await fill(container, 2)
    status, code, body = await post(server, "/things?restype=container&", *requests)
    assert (status, code) == (400, "InvalidInput")
    assert f"<SubRequest>{requests[-1].partition('?')[0]}" in body
    assert (await left(container), await left(others)) == (["b0", "b1"], ["b0"])


async def test_a_batch_of_the_account_may_name_any_container_and_no_container_itself(
    client: BlobServiceClient, server: Server, container: ContainerClient
) -> None:
    others = await client.create_container("others")
    await fill(others, 1)
    await fill(container, 1)
    status, code, _ = await post(server, "?", f"DELETE /{NAME}/things?restype=container")
    assert (status, code) == (400, "InvalidInput")
    status, *_ = await post(server, "?", f"DELETE /{NAME}/things/b0", f"DELETE /{NAME}/others/b0")
    assert status == 202
    assert (await left(container), await left(others)) == ([], [])


async def test_parts_within_parts_are_refused_whoever_sends_them(
    container: ContainerClient, server: Server
) -> None:
    token = generate_container_sas(
        NAME, "things", account_key=KEY, permission="r", expiry=datetime.now(UTC) + timedelta(hours=1)
    )
    body = b"--edge\r\nContent-Type: multipart/mixed; boundary=edge\r\n\r\n" * 3000
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{server.url}/things?restype=container&comp=batch&{token}",
            data=body,
            headers={"Content-Type": "multipart/mixed; boundary=edge"},
        ) as answer,
    ):
        assert (answer.status, answer.headers["x-ms-error-code"]) == (400, "InvalidInput")


async def test_a_batch_for_a_container_that_is_not_there_is_refused(server: Server) -> None:
    answer = await post(server, "/absent?restype=container&", f"DELETE /{NAME}/absent/b0")
    assert answer[:2] == (404, "ContainerNotFound")
