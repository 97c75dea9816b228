"""Blobs that a form names as resource files of a task."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from aiohttp import ClientSession
from azure.storage.blob.aio import BlobClient
from tests.blobs.server import NAME, NEIGHBOUR
from tests.portal.blobs import HOSTILE
from tests.portal.service import Browser
from tests.portal.test_jobs import JOBS
from yarl import URL

from batchite.configuration.accounts import DEVELOPMENT_BATCH_KEY, DEVELOPMENT_BATCH_NAME
from batchite.portal.blob_client.client import Client, Where
from batchite.portal.blob_client.problems import StorageProblem

FORM = f"{JOBS}/films/new-task"


async def named(explorer: Browser, *lines: str) -> tuple[int, str]:
    """What becomes of a task with these resource files."""
    if (await explorer.api.get("/jobs/films")).status == 404:
        await explorer.api.add_pool("pool")
        await explorer.api.add_job("films")
    answer = await explorer.post(FORM, {"id": "t", "command": "env", "files": "\r\n".join(lines)})
    return answer.status, answer.text


async def test_a_blob_is_read_by_a_signature_for_it_alone(explorer: Browser, client: Client) -> None:
    await client.put_blob(Where("things", "in/a b#.txt"), b"content", 7)
    status, text = await named(
        explorer, f"{NAME}/things/in/a%20b%23.txt", f"{NAME}/things/in/a%20b%23.txt x/y z"
    )
    assert status == 303, text
    task = (await explorer.api.get("/jobs/films/tasks/t")).json
    assert [file["filePath"] for file in task["resourceFiles"]] == ["a b#.txt", "x/y z"]
    for file in task["resourceFiles"]:
        said = parse_qs(urlsplit(file["httpUrl"]).query)
        assert (said["sp"], said["sr"]) == (["r"], ["b"])
        async with BlobClient.from_blob_url(file["httpUrl"]) as blob:
            assert await (await blob.download_blob()).readall() == b"content"


@pytest.mark.parametrize("name", [*HOSTILE, "\x00"], ids=ascii)
async def test_blobs_of_any_name_are_read(explorer: Browser, client: Client, name: str) -> None:
    spelled = quote(name, safe="")
    try:
        await client.put_blob(Where("things", name), b"content", 7)
    except StorageProblem:  # no blob can have it
        status, text = await named(explorer, f"{NAME}/things/{spelled} file")
        assert status == 400
        assert "Resource file" in text
        return
    status, text = await named(explorer, f"{NAME}/things/{spelled} file")
    assert status == 303, text
    task = (await explorer.api.get("/jobs/films/tasks/t")).json
    url = URL(task["resourceFiles"][0]["httpUrl"], encoded=True)
    async with ClientSession() as session, session.get(url) as read:
        assert await read.read() == b"content"


async def test_a_blob_that_is_not_there_is_said_before_the_task_is_added(
    explorer: Browser, client: Client
) -> None:
    status, text = await named(explorer, f"{NAME}/things/none")
    assert status == 400
    assert "There is no such blob." in text
    assert (await explorer.api.get("/jobs/films/tasks/t")).status == 404


async def test_nobody_reads_blobs_of_accounts_that_are_not_theirs(explorer: Browser, foreign: Client) -> None:
    await foreign.put_blob(Where("things", "a"), b"far", 3)
    explorer.cookies.clear()
    await explorer.enter_with_key(DEVELOPMENT_BATCH_NAME, DEVELOPMENT_BATCH_KEY)
    status, text = await named(explorer, f"{NEIGHBOUR}/things/a")
    assert status == 400
    assert "or it is not yours to see" in text
