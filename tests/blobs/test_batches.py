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


@pytest.mark.parametrize(
    ("kinds", "permission", "answer"),
    [
        ({"container": True, "object": True}, "d", (202, "")),
        ({"object": True}, "d", (202, "")),
        ({"object": True}, "r", (403, "AuthorizationPermissionMismatch")),
        ({"service": True}, "d", (403, "AuthorizationResourceTypeMismatch")),
        ({"container": True}, "d", (403, "AuthorizationResourceTypeMismatch")),
    ],
)
@pytest.mark.parametrize("where", ["", "/things"])
async def test_a_token_is_judged_request_by_request(
    server: Server,
    container: ContainerClient,
    where: str,
    kinds: dict[str, bool],
    permission: str,
    answer: tuple[int, str],
) -> None:
    await fill(container, 1)
    token = generate_account_sas(
        NAME, KEY, ResourceTypes(**kinds),
        AccountSasPermissions.from_string(permission), datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    request = f"DELETE /{NAME}/things/b0"
    where = f"{where}?{'restype=container&' if where else ''}"
    assert (await post(server, where, request, token=token))[:2] == (202, [answer])
    assert await left(container) == ([] if answer[0] == 202 else ["b0"])


def told(text: str) -> list[tuple[int, str]]:
    """Status and error code of each part of an answer."""
    parts = [part for part in text.split("--batchresponse_")[1:] if "HTTP/1.1 " in part]
    return [
        (int(part.partition("HTTP/1.1 ")[2][:3]), part.partition("x-ms-error-code: ")[2].partition("\r")[0])
        for part in parts
    ]


async def post(
    server: Server, where: str, *requests: str, token: str = ""
) -> tuple[int, list[tuple[int, str]], str]:
    """Send requests of the form `VERB path?query` as a batch; status, what the parts say, and body."""
    credentials = token or all_permissions()
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
        text = await answer.text()
        return answer.status, told(text), text


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
    status, parts, body = await post(server, "/things?restype=container&", *requests)
    assert (status, parts) == (202, [(400, "InvalidInput")])
    assert "Content-ID" not in body
    assert f"<SubRequest>{requests[-1].partition('?')[0]}" in body
    assert (await left(container), await left(others)) == (["b0", "b1"], ["b0"])


async def test_a_batch_of_the_account_may_name_any_container_and_no_container_itself(
    client: BlobServiceClient, server: Server, container: ContainerClient
) -> None:
    others = await client.create_container("others")
    await fill(others, 1)
    await fill(container, 1)
    status, parts, _ = await post(server, "?", f"DELETE /{NAME}/things?restype=container")
    assert (status, parts) == (202, [(400, "InvalidInput")])
    status, parts, _ = await post(server, "?", f"DELETE /{NAME}/things/b0", f"DELETE /{NAME}/others/b0")
    assert (status, parts) == (202, [(202, ""), (202, "")])
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
        assert (answer.status, told(await answer.text())) == (202, [(400, "InvalidInput")])


async def test_a_batch_for_a_container_that_is_not_there_is_refused(server: Server) -> None:
    status, parts, _ = await post(server, "/absent?restype=container&", f"DELETE /{NAME}/absent/b0")
    assert (status, parts) == (202, [(404, "ContainerNotFound")])
