"""No number, time, duration or id of a request is too large, too small or too odd to be refused."""

import copy
import json
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from tests.batch.service import IMAGE, VERSION, Api
from tests.extremes import DURATIONS, EXTREMES, NUMBERS, TIMES

from batchite.configuration.accounts import DEVELOPMENT_BATCH_NAME
from batchite.wire.batch.odata import paging

POOL = {
    "id": "p", "vmSize": "standard_d2s_v3", "virtualMachineConfiguration": IMAGE, "targetDedicatedNodes": 0,
    "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M", "taskSlotsPerNode": 1,
    "startTask": {"commandLine": "true", "maxTaskRetryCount": 0},
}  # fmt: skip
JOB = {
    "id": "j", "poolInfo": {"poolId": "pool"}, "priority": 0, "maxParallelTasks": -1,
    "constraints": {"maxWallClockTime": "PT1H", "maxTaskRetryCount": 0},
}  # fmt: skip
TASK = {
    "id": "t", "commandLine": "true", "requiredSlots": 1,
    "constraints": {"maxWallClockTime": "PT1H", "retentionTime": "PT1H", "maxTaskRetryCount": 0},
}  # fmt: skip
SCHEDULE = {
    "id": "s", "jobSpecification": {"poolInfo": {"poolId": "pool"}},
    "schedule": {
        "doNotRunUntil": "2026-01-01T00:00:00Z", "startWindow": "PT1H", "recurrenceInterval": "PT1H",
    },
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/pools": POOL, "/jobs": JOB, "/jobs/job/tasks": TASK, "/jobschedules": SCHEDULE,
}  # fmt: skip
RAW_NUMBERS = ["1e400", "-1e400", "9" * 5000, "1E5", "-0", "1.0", "2147483648", "9223372036854775808"]

LISTS = {
    "/pools": ["creationTime", "lastModified", "id"],
    "/jobs": ["executionInfo/endTime", "id"],
    "/jobschedules": ["schedule/doNotRunUntil", "executionInfo/endTime", "id"],
    "/jobs/job/tasks": ["executionInfo/exitCode", "executionInfo/startTime", "id"],
    "/pools/pool/nodes": ["startTaskInfo/exitCode", "lastBootTime"],
    "/supportedimages": ["osType"],
    "/nodecounts": ["poolId"],
}
CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]


@pytest.fixture
async def filled(api: Api) -> None:
    await api.add_pool()
    await api.add_job()
    await api.add_task("task")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.usefixtures("filled")
async def test_of_lists(api: Api, path: str) -> None:
    for name, value in product(("maxresults", "timeOut", "$skiptoken"), EXTREMES):
        assert (await api.get(f"{path}?{name}={quote(value)}")).status < 500, (name, value)
    context = f"{DEVELOPMENT_BATCH_NAME}\n{path}\n"
    for value in EXTREMES:
        forged = paging.make_token(context, value)
        assert (await api.get(f"{path}?$skiptoken={forged}")).status < 500, value


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.usefixtures("filled")
async def test_of_filters(api: Api, path: str) -> None:
    literals = [*NUMBERS, "9" * 18, f"-{'9' * 18}", *(f"'{value}'" for value in EXTREMES)]
    literals += [f"DateTime'{value}'" for value in TIMES]
    for name, literal in product(LISTS[path], literals):
        answer = await api.get(f"{path}?$filter={quote(f'{name} ge {literal}')}")
        assert answer.status < 500, (name, literal)


@pytest.mark.usefixtures("filled")
async def test_of_headers(api: Api) -> None:
    for name, value in product(CONDITIONS, EXTREMES):
        if value.isascii():
            answer = await api.raw("GET", f"/pools/pool?{VERSION}", headers={name: value})
            assert answer.status < 500, (name, value)
            answer = await api.raw("DELETE", f"/jobs/none?{VERSION}", headers={name: value})
            assert answer.status < 500, (name, value)


def within(body: dict[str, Any]) -> list[tuple[str, ...]]:
    """The ways to what is a number or a duration."""
    ways: list[tuple[str, ...]] = []
    for name, value in body.items():
        if isinstance(value, dict):
            ways += [(name, *rest) for rest in within(value)]
        elif isinstance(value, int) or str(value).startswith("PT"):
            ways.append((name,))
    return ways


def changed(body: dict[str, Any], way: tuple[str, ...], name: str) -> str:
    """The document with another id, and a mark for the value."""
    document: dict[str, Any] = {**copy.deepcopy(body), "id": name}
    place = document
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = "@"
    return json.dumps(document)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.usefixtures("filled")
async def test_of_bodies(api: Api, path: str) -> None:
    values = [*RAW_NUMBERS, *(json.dumps(value) for value in [*NUMBERS, *DURATIONS])]
    ways = within(BODIES[path])
    for number, (way, value) in enumerate(product(ways, values)):
        document = changed(BODIES[path], way, f"x{number}").replace('"@"', value)
        answer = await api.raw("POST", f"{path}?{VERSION}", document.encode())
        assert answer.status < 500, (way, value)
    assert (await api.get(path)).status == 200
