"""Logs of nodes, as clients have them uploaded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from azure.batch import models
from tests.batch.service import Api

from batchite.wire.batch import versions
from batchite.wire.ticks import Timestamp

PLACE = "/pools/pool/nodes/n1/uploadbatchservicelogs"
CONTAINER = "https://logs.blob.core.windows.net/container?sig=x"
START = "2026-01-01T00:00:00Z"
BODY = {"containerUrl": CONTAINER, "startTime": START}


@pytest.fixture
async def node(api: Api) -> Api:
    await api.add_pool()
    await api.add_node("n1", state="starttaskfailed")
    return api


async def test_the_node_is_asked_and_the_answer_comes_at_once(node: Api) -> None:
    def program() -> models.UploadBatchServiceLogsResult:
        with node.client() as client:
            start = datetime(2026, 1, 1, tzinfo=UTC)
            wanted = models.UploadBatchServiceLogsOptions(container_url=CONTAINER, start_time=start)
            return client.upload_node_logs("pool", "n1", wanted)

    found = await asyncio.to_thread(program)
    assert found.number_of_files_uploaded == 3
    ((name, url, directory, start, end),) = node.owner.uploads
    assert (name, url, start, end) == ("n1", CONTAINER, Timestamp.parse(START).ticks, None)
    assert directory == found.virtual_directory_name
    assert directory.startswith("pool/n1/")
    await node.post(PLACE, {**BODY, "endTime": "2026-02-01T00:00:00Z"})
    assert node.owner.uploads[-1][4] == Timestamp.parse("2026-02-01T00:00:00Z").ticks
    assert node.owner.uploads[-1][2] != directory


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"containerUrl": 5}, "InvalidRequestBody"),
        ({"containerUrl": "container"}, "InvalidPropertyValue"),
        ({"containerUrl": "file:///etc/passwd"}, "InvalidPropertyValue"),
        ({"containerUrl": "https://logs.blob.core.windows.net/?sig=x"}, "InvalidPropertyValue"),
        ({"endTime": "2025-12-31T00:00:00Z"}, "InvalidPropertyValue"),
        ({"startTime": "yesterday"}, "InvalidRequestBody"),
        ({"identityReference": {"resourceId": "x"}}, "UnsupportedProperty"),
    ],
)
async def test_refusals(node: Api, change: dict[str, object], code: str) -> None:
    answer = await node.post(PLACE, {**BODY, **change})
    assert (answer.status, answer.json["code"]) == (400, code)
    assert node.owner.uploads == []


async def test_a_node_that_does_not_answer(node: Api) -> None:
    node.owner.out_of_contact.add("n1")
    assert (await node.post(PLACE, BODY)).error == (409, "NodeStateUnusable")
    assert (await node.post(PLACE.replace("n1", "n2"), BODY)).error == (404, "NodeNotFound")
    assert (await node.post(PLACE.replace("pool/", "p/"), BODY)).error == (404, "PoolNotFound")


@pytest.mark.parametrize("version", [known.text for known in versions.REGISTRY])
async def test_every_version(node: Api, version: str) -> None:
    answer = await node.raw("POST", f"{PLACE}?api-version={version}", BODY)
    assert answer.status == (200 if version >= "2018-03-01" else 404)
    named = await node.raw("POST", f"{PLACE}?api-version={version}", {**BODY, "identityReference": {}})
    if version >= "2021-06-01":
        assert named.error == (400, "UnsupportedProperty")
    else:
        assert named.status in (400, 404)
