"""Shared access signatures made by the portal: what they say, and that the official client can use them."""

import html
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerSasPermissions
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.server import NAME, NEIGHBOUR
from tests.portal.service import Answer, Browser

from batchite.portal.blob_client.client import Client, Where

ACCOUNT = f"/storage/{NAME}/share"
THINGS = f"/storage/{NAME}/containers/things/share"
BLOB = f"/storage/{NAME}/containers/things/blob/share?name=a%2F%3Cb%3E.txt"
WHERE = Where("things", "a/<b>.txt")


async def shared(explorer: Browser, path: str, letters: str, **more: str) -> str:
    """The URL that comes of a form with these permissions."""
    answer = await explorer.post(
        path, {**{f"may-{letter}": "yes" for letter in letters}, "for": "hour", **more}
    )
    assert answer.status == 200, answer.text
    assert "content-encoding" not in answer.headers, "its length tells nothing of the signature"
    return url_of(answer)


def url_of(answer: Answer) -> str:
    found = re.search(r'data-copy="([^"]*)"[^>]*aria-label="Copy the URL"', answer.text)
    assert found is not None
    return html.unescape(found[1])


def fields(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


async def test_a_blob_is_shared(explorer: Browser, client: Client) -> None:
    await client.put_blob(WHERE, b"shared", 6)
    page = await explorer.page(BLOB.removeprefix("/-/portal"))
    assert "Share the blob a/&lt;b&gt;.txt" in page
    url = await shared(explorer, BLOB, "r")
    async with BlobClient.from_blob_url(url) as blob:
        assert await (await blob.download_blob()).readall() == b"shared"
        with pytest.raises(HttpResponseError, match="not authorized"):
            await blob.delete_blob()
    left = datetime.fromisoformat(fields(url)["se"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < left <= timedelta(minutes=60)


async def test_a_snapshot_is_shared_alone(explorer: Browser, client: Client) -> None:
    await client.put_blob(WHERE, b"first", 5)
    moment = await client.snapshot(WHERE)
    await client.put_blob(WHERE, b"second", 6)
    url = await shared(explorer, f"{BLOB}&snapshot={moment}", "r")
    async with BlobClient.from_blob_url(url) as blob:
        assert await (await blob.download_blob()).readall() == b"first"
    base = url.replace("snapshot=", "was=")
    async with BlobClient.from_blob_url(base) as blob:
        with pytest.raises(HttpResponseError):
            await blob.download_blob()


async def test_a_container_is_shared(explorer: Browser, client: Client) -> None:
    await client.put_blob(WHERE, b"shared", 6)
    url = await shared(explorer, THINGS, "rl")
    async with ContainerClient.from_container_url(url) as container:
        assert [blob.name async for blob in container.list_blobs()] == ["a/<b>.txt"]
        with pytest.raises(HttpResponseError, match="not authorized"):
            await container.upload_blob("new", b"")
    url = await shared(explorer, THINGS, "".join(sorted("racwdxltf")))
    assert fields(url)["sp"] == str(ContainerSasPermissions.from_string("racwdxltf"))
    async with ContainerClient.from_container_url(url) as container:
        await container.upload_blob("new", b"")


async def test_an_account_is_shared(explorer: Browser, client: Client) -> None:
    url = await shared(explorer, ACCOUNT, "rl", **{"of-s": "yes", "of-c": "yes"})
    async with BlobServiceClient(url) as service:
        assert [container.name async for container in service.list_containers()] == ["things"]
        with pytest.raises(HttpResponseError, match="not authorized"):
            await service.get_blob_client("things", "a").upload_blob(b"")


async def test_limits_are_what_was_chosen(explorer: Browser, client: Client) -> None:
    more = {"until": "2031-01-31T12:00", "addresses": "10.0.0.1-10.0.0.9", "https": "yes"}
    answer = await explorer.post(THINGS, {"may-l": "yes", **more})
    assert "Whoever has this URL may list until 2031-01-31T12:00:00Z" in answer.text
    said = fields(url_of(answer))
    assert (said["sp"], said["se"]) == ("l", "2031-01-31T12:00:00Z")
    assert (said["sip"], said["spr"]) == ("10.0.0.1-10.0.0.9", "https")
    assert "It is for HTTPS alone" in answer.text


async def test_storage_of_another_service_is_shared_by_its_own_url(
    explorer: Browser, foreign: Client
) -> None:
    await foreign.put_blob(WHERE, b"far", 3)
    url = await shared(explorer, BLOB.replace(NAME, NEIGHBOUR), "r")
    assert f"/{NEIGHBOUR}/things/" in url
    async with BlobClient.from_blob_url(url) as blob:
        assert await (await blob.download_blob()).readall() == b"far"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose what it permits."),
        ({"may-r": ""}, "Choose what it permits."),
        ({"may-q": "yes"}, "Choose what it permits."),
        ({"may-r": "yes", "for": "ever"}, "Choose how long"),
        ({"may-r": "yes", "until": "tomorrow"}, "write a time of UTC"),
        ({"may-r": "yes", "until": "2001-01-01T00:00"}, "over already"),
        ({"may-r": "yes", "addresses": "10.0.0.9-10.0.0.1"}, "two joined by -"),
        ({"may-r": "yes", "addresses": "10.0.0.1-::1"}, "two joined by -"),
        ({"may-r": "yes", "addresses": "example.org"}, "two joined by -"),
    ],
)
async def test_what_cannot_be_is_said_above_the_form_as_it_was(
    explorer: Browser, client: Client, form: dict[str, str], said: str
) -> None:
    answer = await explorer.post(THINGS, {"for": "hour", **form})
    assert answer.status == 400
    assert said in answer.text
    assert "Make the URL" in answer.text
    assert "sig=" not in answer.text
