"""Usage metrics and statistics of pools over HTTP, by a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from azure.batch import models
from tests.batch.service import Answer, Api, serving

from batchite.configuration.fidelity import Fidelity
from batchite.machine.clock import SystemClock
from batchite.resources.pool_usage import INTERVAL
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.batch.versions import NEWEST, OLDER
from batchite.wire.ticks import Timestamp, WallTime

LAST_WITH_LIFETIME = "2022-10-01.16.0"
LAST_WITH_TRAFFIC = "2018-08-01.7.0"
NOW = Timestamp.parse("2026-03-01T12:10:00Z")
HOUR = 2 * INTERVAL


class Set:
    """A clock at a moment; dates of requests are compared with the machine's."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> Timestamp:
        return self.moment

    def wall(self) -> WallTime:
        return SystemClock().wall()


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving(database, clock=Set()) as api:
        yield api


@pytest.fixture
async def prompt(database: Database) -> AsyncIterator[Api]:
    async with serving(database, clock=Set(), fidelity=Fidelity(usage_delay=0.0)) as api:
        yield api


async def was_there(
    api: Api, pool: str, start: str, end: str | None, *, cores: int = 4, dedicated: bool = True, **more: Any
) -> None:
    """A node, on the first of March; hours and minutes."""
    row = {
        "account": "devbatch",
        "pool_no": 1,
        "pool_key": pool.lower(),
        "pool_id": pool,
        "vm_size": "standard_d4s_v3",
        "dedicated": dedicated,
        "cores": cores,
        "began": at(start),
        "ended": None if end is None else at(end),
    } | more

    def unit(connection: sa.Connection) -> None:
        count = connection.execute(sa.select(sa.func.count()).select_from(schema.node_spans)).scalar_one()
        connection.execute(sa.insert(schema.node_spans).values(node_no=count + 1, **row))

    await api.database.write(unit)


def at(time: str) -> int:
    return Timestamp.parse(f"2026-03-01T{time}Z").ticks


async def metrics(api: Api, query: str = "", version: str = NEWEST) -> Answer:
    return await api.raw("GET", f"/poolusagemetrics?{query}&api-version={version}".replace("?&", "?"))


def lines(answer: Answer) -> list[tuple[str, str, float]]:
    assert answer.status == 200, answer.body
    return [
        (entry["poolId"], entry["startTime"][11:16], entry["totalCoreHours"])
        for entry in answer.json["value"]
    ]


async def test_the_last_interval_is_two_hours_ago(api: Api) -> None:
    await was_there(api, "Pool", "09:00:00", None)
    await was_there(api, "Pool", "09:45:00", "11:00:00", dedicated=False)
    await was_there(api, "other", "09:45:00", "09:51:00", cores=2, vm_size="standard_d2s_v3")
    await was_there(api, "gone", "08:00:00", "09:30:00")
    await was_there(api, "of another", "08:00:00", None, account="somebody")
    answer = await metrics(api)
    assert lines(answer) == [("other", "09:30", 0.2), ("Pool", "09:30", 3.0)]
    assert answer.json["value"][0] == {
        "poolId": "other",
        "startTime": "2026-03-01T09:30:00Z",
        "endTime": "2026-03-01T10:00:00Z",
        "vmSize": "standard_d2s_v3",
        "totalCoreHours": 0.2,
    }
    assert answer.json["odata.metadata"].endswith("$metadata#poolusagemetrics")


async def test_over_intervals_with_the_synchronous_client(api: Api) -> None:
    await was_there(api, "Pool", "08:15:00", "09:40:00")
    await was_there(api, "late", "09:50:00", None)

    def program() -> list[models.BatchPoolUsageMetrics]:
        day = datetime(2026, 3, 1, tzinfo=UTC)
        with api.client() as client:
            found = client.list_pool_usage_metrics(
                start_time=day + timedelta(hours=8), end_time=day + timedelta(hours=10), max_results=2
            )
            return list(found)

    found = await asyncio.to_thread(program)
    assert [
        (entry.pool_id, entry.start_time.strftime("%H:%M"), entry.total_core_hours) for entry in found
    ] == [
        ("Pool", "08:00", 1.0),
        ("Pool", "08:30", 2.0),
        ("Pool", "09:00", 2.0),
        ("late", "09:30", pytest.approx(4 / 6)),
        ("Pool", "09:30", pytest.approx(4 / 6)),
    ]
    assert all(entry.end_time - entry.start_time == timedelta(minutes=30) for entry in found)


async def test_with_the_asynchronous_client(api: Api) -> None:
    await was_there(api, "Pool", "09:30:00", "10:00:00")
    await was_there(api, "pool-2", "09:30:00", "10:00:00", cores=1)
    async with api.async_client() as client:
        found = [entry async for entry in client.list_pool_usage_metrics(filter="poolId eq 'POOL'")]
    assert [(entry.pool_id, entry.vm_size, entry.total_core_hours) for entry in found] == [
        ("Pool", "standard_d4s_v3", 2.0)
    ]


async def test_pages_are_of_the_intervals_of_the_first(api: Api) -> None:
    """Whatever the clock shows when the next is asked for; over stretches without any node."""
    for pool in ("a", "b", "c"):
        await was_there(api, pool, "01:00:00", "01:30:00")
        await was_there(api, pool, "09:30:00", "10:30:00")
    wanted = f"starttime={quote('2016-01-01T00:00:00Z')}&maxresults=2"
    found, answer = [], await metrics(api, wanted)
    while True:
        assert len(answer.json["value"]) <= 2
        found += lines(answer)
        following = answer.json.get("odata.nextLink")
        if following is None:
            break
        later = await api.database.read(lambda c: c.execute(sa.select(schema.node_spans)).all())
        assert later
        answer = await api.raw("GET", following.removeprefix(api.url))
    assert [line[:2] for line in found] == [
        (pool, start) for start in ("01:00", "09:30") for pool in ("a", "b", "c")
    ]


async def test_a_pool_that_came_again_is_one(api: Api) -> None:
    await was_there(api, "Pool", "09:30:00", "09:40:00")
    await was_there(api, "pool", "09:50:00", "10:00:00", pool_no=2)
    await was_there(api, "pool", "09:50:00", "10:00:00", pool_no=2, vm_size="standard_d8s_v3", cores=8)
    assert [line[2] for line in lines(await metrics(api))] == [pytest.approx(8 / 6), pytest.approx(8 / 6)]


@pytest.mark.parametrize(
    ("filter_", "pools"),
    [
        ("poolId eq 'b'", ["b"]),
        ("poolId ge 'b'", ["b", "c"]),
        ("poolId gt 'a' and poolId lt 'c'", ["b"]),
        ("poolId le 'A'", ["a"]),
        ("startswith(poolId,'C') or poolId eq 'a'", ["a", "c"]),
        ("poolId eq 'd'", []),
    ],
)
async def test_filters(api: Api, filter_: str, pools: list[str]) -> None:
    for pool in ("a", "b", "c"):
        await was_there(api, pool, "09:30:00", "10:00:00")
    assert [line[0] for line in lines(await metrics(api, f"$filter={quote(filter_)}"))] == pools


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("starttime=yesterday", (400, "InvalidQueryParameterValue")),
        ("endtime=2026-02-30T00:00:00Z", (400, "InvalidQueryParameterValue")),
        ("starttime=2026-03-01T09:40:01Z", (400, "OutOfRangeQueryParameterValue")),
        ("endtime=2026-03-01T10:10:01Z", (400, "OutOfRangeQueryParameterValue")),
        ("starttime=2026-03-01T09:00:00Z&endtime=2026-03-01T08:59:59Z", (400, "InvalidQueryParameterValue")),
        ("$filter=poolId%20ne%20'a'", (400, "InvalidQueryParameterValue")),
        ("$filter=vmSize%20eq%20'a'", (400, "InvalidQueryParameterValue")),
        ("maxresults=1001", (400, "OutOfRangeQueryParameterValue")),
        ("$skiptoken=abc", (400, "InvalidQueryParameterValue")),
        ("$expand=stats", (400, "UnsupportedQueryParameter")),
    ],
)
async def test_refusals(api: Api, query: str, error: tuple[int, str]) -> None:
    answer = await metrics(api, query)
    assert answer.error == error
    if "time" in query:
        assert query.split("=")[0] in answer.message


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        ("starttime=2026-03-01T09:40:00Z", ["09:30"]),  # as late as may be
        ("starttime=2026-03-01T08:50:00Z", ["08:30", "09:00", "09:30"]),
        ("starttime=2026-03-01T08:50:00Z&endtime=2026-03-01T09:10:00Z", ["08:30", "09:00"]),
        ("endtime=2026-03-01T09:00:00Z", ["08:30"]),
        ("endtime=2026-03-01T10:10:00Z", ["09:30"]),
        ("starttime=2026-03-01T09:00:00Z&endtime=2026-03-01T09:00:00Z", []),
        ("starttime=2026-03-01T11:00:00%2B02:00&endtime=2026-03-01T11:30:00%2B02:00", ["09:00"]),
    ],
)
async def test_which_intervals(api: Api, query: str, starts: list[str]) -> None:
    await was_there(api, "p", "00:00:00", None)
    assert [line[1] for line in lines(await metrics(api, query))] == starts


async def test_at_once_if_the_operator_wants_it(prompt: Api) -> None:
    await was_there(prompt, "p", "00:00:00", None)
    assert [line[1] for line in lines(await metrics(prompt))] == ["11:30"]


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_every_version_has_metrics(api: Api, version: str) -> None:
    await was_there(api, "p", "09:30:00", "10:00:00")
    (entry,) = (await metrics(api, version=version)).json["value"]
    traffic = {"dataIngressGiB", "dataEgressGiB"} if version <= LAST_WITH_TRAFFIC else set()
    assert set(entry) == {"poolId", "startTime", "endTime", "vmSize", "totalCoreHours"} | traffic


async def with_use(api: Api) -> None:
    """A pool with a node that is there for an hour, and what two that are gone used."""
    await api.add_pool("Pool")
    await api.add_node("n", "Pool", cpu_time=HOUR, blocks_read=2**21, peak_memory=2**29, state="idle")
    gone = {
        "dedicated_time": 3 * HOUR,
        "low_priority_time": HOUR,
        "cpu_time": HOUR,
        "blocks_read": 0,
        "blocks_written": 2**20,
        "peak_memory": 2**30,
    }
    await api.database.write(lambda c: c.execute(sa.insert(schema.pool_usage).values(pool_no=1, **gone)))
    await was_there(api, "Pool", "11:10:00", None)


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_statistics_of_a_pool(api: Api, version: str) -> None:
    await with_use(api)
    pool = (await api.raw("GET", f"/pools/pool?$expand=stats&api-version={version}")).json
    stats = pool["stats"]
    assert stats["url"] == f"{api.url}/pools/Pool?$expand=stats"
    assert (stats["startTime"], stats["lastUpdateTime"]) == (pool["creationTime"], str(NOW))
    assert stats["usageStats"]["dedicatedCoreTime"] == "PT7H"
    resources = stats["resourceStats"]
    assert resources["avgCPUPercentage"] == 100 * 2 / 8
    assert (resources["diskReadGiB"], resources["diskWriteGiB"]) == (1.0, 0.5)
    assert (resources["diskReadIOps"], resources["peakMemoryGiB"]) == (str(2**21), 1.0)
    assert "stats" not in (await api.raw("GET", f"/pools/pool?api-version={version}")).json
    listed = (await api.raw("GET", f"/pools?$select=id,stats&api-version={version}")).json["value"]
    assert listed == [{"id": "Pool", "stats": stats}]
    ever = await api.raw("GET", f"/lifetimepoolstats?api-version={version}")
    if version > LAST_WITH_LIFETIME:
        assert ever.error == (404, "ResourceNotFound")
    else:
        assert ever.json["usageStats"] == stats["usageStats"]
        assert ever.json["url"] == f"{api.url}/lifetimepoolstats"
        assert {"ETag", "Last-Modified"} <= ever.headers.keys()


async def test_statistics_with_the_client(api: Api) -> None:
    await with_use(api)
    async with api.async_client() as client:
        stats = (await client.get_pool("pool", expand=["stats"])).pool_statistics
    assert stats is not None
    assert stats.usage_statistics is not None
    assert stats.usage_statistics.dedicated_core_time == timedelta(hours=7)


async def test_a_pool_that_never_had_a_node(api: Api) -> None:
    await api.add_pool("Pool")
    stats = (await api.get("/pools/pool?$expand=stats")).json["stats"]
    assert stats["usageStats"]["dedicatedCoreTime"] == "PT0S"
    assert stats["resourceStats"]["avgCPUPercentage"] == 0.0
    assert (await api.get("/pools/pool?$expand=nodes")).error == (400, "InvalidQueryParameterValue")


async def test_what_ours_tells(api: Api) -> None:
    await was_there(api, "Pool", "11:10:00", None)
    await was_there(api, "Pool", "12:00:00", "12:06:00", dedicated=False, cores=10)
    await was_there(api, "old", "00:00:00", "01:00:00")
    await was_there(api, "older", "00:00:00", "01:00:00", began=1, ended=2)
    answer = await api.raw("GET", "/-/usage/pools")
    assert (answer.json["startTime"], answer.json["endTime"]) == ("2026-02-28T12:10:00Z", str(NOW))
    old, pool = answer.json["value"]
    assert (old["poolId"], old["totalCoreHours"]) == ("old", 4.0)
    assert pool == {
        "poolId": "Pool",
        "vmSize": "standard_d4s_v3",
        "dedicatedCoreHours": 4.0,
        "lowPriorityCoreHours": 1.0,
        "totalCoreHours": 5.0,
    }
    part = "poolid=POOL&starttime=2026-03-01T11:25:00Z&endtime=2026-03-01T11:40:00Z"
    (only,) = (await api.raw("GET", f"/-/usage/pools?{part}")).json["value"]
    assert only["totalCoreHours"] == 1.0
    assert (await api.raw("GET", "/-/usage/pools?poolid=none")).json["value"] == []
    ages = (await api.raw("GET", "/-/usage/pools?endtime=0001-01-01T12:00:00Z")).json
    assert (ages["startTime"], ages["value"]) == ("0001-01-01T00:00:00Z", [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("starttime=x", "InvalidQueryParameterValue"),
        ("endtime=2026-13-01", "InvalidQueryParameterValue"),
        ("starttime=2026-03-01T12:11:00Z", "InvalidQueryParameterValue"),
        ("from=1", "UnsupportedQueryParameter"),
    ],
)
async def test_refusals_of_ours(api: Api, query: str, code: str) -> None:
    assert (await api.raw("GET", f"/-/usage/pools?{query}")).error == (400, code)
    assert (await api.raw("GET", "/-/usage/pools", signed=False)).status == 403
