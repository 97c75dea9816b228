"""Blob Batch: many deletions or tiers in one request."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    PartialBatchErrorException,
    ResourceTypes,
    StandardBlobTier,
    generate_account_sas,
)
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
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
