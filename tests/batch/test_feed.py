"""`/-/events`: what clients see of changes, from the present or a cursor, at once or as it happens."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.batch.service import Api, serving
from yarl import URL

from batchite.batch.feed import api as feed_api
from batchite.batch.feed import tail as feed_tail
from batchite.resources.feed import Telling
from batchite.store.batch import feed
from batchite.store.database import Database

PATIENCE = 60


async def events(api: Api, **query: str) -> Any:
    """The answer to a request for what there is."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await api.get(f"/-/events?{text}" if text else "/-/events")
    assert answer.status == 200, answer.body
    return answer.json


async def start_of(api: Api) -> str:
    return str((await events(api))["cursor"])


async def tell(database: Database, *names: str, job: str = "job", shard: str = "devbatch/pool") -> None:
    """A row with a task added of each name."""

    def unit(connection: sa.Connection) -> None:
        telling = Telling()
        telling.add_tasks(job, 17_000_000_000_000_000, names)
        feed.append(connection, shard, 17_000_000_000_000_000, telling)

    await database.write(unit)


def ids(answer: Any) -> list[str]:
    return [event["taskId"] for event in answer["events"]]


async def test_it_begins_with_the_present(api: Api) -> None:
    await api.add_pool()
    first = await events(api)
    assert first["events"] == []
    await api.add_job()
    (event,) = (await events(api, cursor=first["cursor"]))["events"]
    assert (event["kind"], event["jobId"], event["state"]) == ("job", "job", "active")


async def test_what_the_operations_change(api: Api) -> None:
    cursor = await start_of(api)
    await api.add_pool(targetDedicatedNodes=1)
    await api.add_job()
    await api.add_task("one")
    tasks = [{"id": name, "commandLine": "true"} for name in ("two", "ONE", "three")]
    await api.post("/jobs/job/addtaskcollection", {"value": tasks})
    await api.post("/jobs/JOB/terminate", {"terminateReason": "enough"})
    await api.delete("/jobs/job")
    await api.delete("/pools/pool")
    told = (await events(api, cursor=cursor))["events"]
    assert all(event.pop("time").endswith("Z") for event in told)
    job, pool = {"kind": "job", "jobId": "job", "poolId": "pool"}, {"kind": "pool", "poolId": "pool"}
    task = {"kind": "task", "state": "active", "jobId": "job"}
    assert told == [
        {**pool, "state": "active", "allocationState": "resizing"},
        {**job, "state": "active"},
        {**task, "taskId": "one"},
        {**task, "taskId": "two"},
        {**task, "taskId": "three"},
        {**job, "state": "terminating", "previousState": "active", "terminateReason": "enough"},
        {**job, "state": "deleting", "previousState": "terminating"},
        {**pool, "state": "deleting", "previousState": "active", "allocationState": "resizing"},
    ]


async def test_what_changes_nothing_is_not_told(api: Api) -> None:
    await api.add_pool()
    await api.add_job()
    await api.add_task("one")
    cursor = await start_of(api)
    assert (await api.add_pool()).status == 409
    assert (await api.add_job()).status == 409
    assert (await api.add_task("one")).status == 409
    assert (await api.delete("/jobs/other")).status == 404
    changed = await api.raw("PUT", "/jobs/job?api-version=2025-06-01", {"poolInfo": {"poolId": "pool"}})
    assert changed.status == 200
    assert await events(api, cursor=cursor) == {"events": [], "cursor": cursor}


async def test_a_cursor_leads_through_a_row(api: Api, database: Database) -> None:
    """Some at a time, and the same in one go."""
    await tell(database, "a", "b", "c")
    await tell(database, "d")
    found: list[str] = []
    cursor = "begin"
    for _ in range(3):
        answer = await events(api, cursor=cursor, maxresults="2")
        found += ids(answer)
        cursor = answer["cursor"]
    assert found == ["a", "b", "c", "d"]
    assert ids(await events(api, cursor="begin")) == found
    assert ids(await events(api, cursor=cursor)) == []


async def test_filters(api: Api, database: Database) -> None:
    await api.add_pool()
    await api.add_job()
    await tell(database, "a")
    await tell(database, "b", job="other")
    await tell(database, "c", job="else", shard="devbatch/other")
    await tell(database, "hidden", shard="stranger/pool")
    assert ids(await events(api, cursor="begin", kinds="task")) == ["a", "b", "c"]
    assert ids(await events(api, cursor="begin", kinds="task", pool="Other")) == ["c"]
    of_job = (await events(api, cursor="begin", job="JOB"))["events"]
    assert [(event["kind"], event["jobId"]) for event in of_job] == [("job", "job"), ("task", "job")]
    both = await events(api, cursor="begin", kinds="pool,%20Job")
    assert [event["kind"] for event in both["events"]] == ["pool", "job"]


async def test_a_cursor_moves_on_past_what_is_not_wanted(api: Api, database: Database) -> None:
    await tell(database, "a")
    answer = await events(api, cursor="begin", kinds="pool")
    assert answer["events"] == []
    assert ids(await events(api, cursor=answer["cursor"])) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("cursor=yesterday", "InvalidQueryParameterValue"),
        ("cursor=-1", "InvalidQueryParameterValue"),
        ("cursor=abcdef-1-1", "InvalidQueryParameterValue"),
        ("cursor=%00", "InvalidQueryParameterValue"),
        ("cursor=" + "9" * 400, "InvalidQueryParameterValue"),
        ("wait=61", "OutOfRangeQueryParameterValue"),
        ("wait=99999999999999999999", "InvalidQueryParameterValue"),
        ("wait=soon", "InvalidQueryParameterValue"),
        ("maxresults=0", "OutOfRangeQueryParameterValue"),
        ("maxresults=1001", "OutOfRangeQueryParameterValue"),
        ("kinds=task,files", "InvalidQueryParameterValue"),
        ("kinds=,", "InvalidQueryParameterValue"),
        ("tasks=1", "UnsupportedQueryParameter"),
    ],
)
async def test_refusals(api: Api, query: str, code: str) -> None:
    assert (await api.get(f"/-/events?{query}")).error == (400, code)


async def test_credentials_are_needed(api: Api) -> None:
    assert (await api.raw("GET", "/-/events", signed=False)).error == (403, "AuthenticationFailed")


async def test_a_cursor_of_another_account_is_told_apart(api: Api) -> None:
    answer = await api.get(f"/-/events?cursor={feed_api.Cursors('other').text(feed_api.Position(1))}")
    assert answer.error == (400, "InvalidQueryParameterValue")
    assert "was not given to the account devbatch" in answer.message


async def test_a_cursor_ahead_of_everything_is_of_other_data(api: Api) -> None:
    mine = feed_api.Cursors("devbatch")
    answer = await api.get(f"/-/events?cursor={mine.text(feed_api.Position(10**17))}")
    assert answer.error == (410, "EventsExpired")


async def test_what_is_not_kept_is_never_skipped_in_silence(api: Api, database: Database) -> None:
    for name in "abcd":
        await tell(database, name)
    early = (await events(api, cursor="begin", maxresults="1"))["cursor"]
    late = (await events(api, cursor="begin", maxresults="3"))["cursor"]
    await database.write(lambda connection: feed.remove(connection, 3))
    answer = await api.get(f"/-/events?cursor={early}")
    assert answer.error == (410, "EventsExpired")
    assert "Ask for a new cursor" in answer.message
    assert ids(await events(api, cursor="begin")) == ["d"]
    assert ids(await events(api, cursor=late)) == ["d"]
    streamed = await api.get(f"/-/events?cursor={early}", accept="text/event-stream")
    assert streamed.error == (410, "EventsExpired")


async def test_who_waits_is_answered_when_something_happens(api: Api, database: Database) -> None:
    cursor = await start_of(api)
    waiting = asyncio.create_task(events(api, cursor=cursor, wait="60"))
    await asyncio.sleep(0)
    await tell(database, "other", shard="stranger/pool")
    await tell(database, "a")
    async with asyncio.timeout(PATIENCE):
        assert ids(await waiting) == ["a"]


async def test_who_waits_in_vain_gets_a_cursor(api: Api) -> None:
    cursor = await start_of(api)
    assert await events(api, cursor=cursor, wait="1") == {"events": [], "cursor": cursor}


async def test_the_number_of_readers_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_api, "MOST_READERS", 1)
    async with stream(api) as following:
        await following.event()
        answer = await api.get("/-/events")
        assert answer.error == (503, "ServerBusy")
        assert "Retry-After" in answer.headers
    async with asyncio.timeout(PATIENCE):
        while (await api.get("/-/events")).status == 503:  # noqa: ASYNC110 (that it has left is not told)
            await asyncio.sleep(0.01)


# -- streams


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        self._lines = lines

    async def event(self) -> dict[str, str] | None:
        """The fields of the next; a comment is one of its own; None at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif fields:
                    return fields
        return None


@asynccontextmanager
async def stream(api: Api, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    target = f"/-/events{query}"
    sent = {
        "Accept": "text/event-stream",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    signed = api.signed("GET", target, None, sent)
    async with api.session.get(URL(api.url + target, encoded=True), headers=signed) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield Stream(response.content.__aiter__())


async def test_a_stream_begins_with_its_cursor(api: Api, database: Database) -> None:
    async with stream(api) as following:
        first = await following.event()
        assert first is not None
        assert first["event"] == "cursor"
        assert json.loads(first["data"]) == {"cursor": first["id"]}
        assert int(first["retry"]) > 0
        await tell(database, "a", "b")
        for name in "ab":
            event = await following.event()
            assert event is not None
            assert (event["event"], json.loads(event["data"])["taskId"]) == ("task", name)


async def test_a_stream_goes_on_where_it_was_lost(api: Api, database: Database) -> None:
    """Whatever the URL says, as browsers come back."""
    await tell(database, "a", "b")
    async with stream(api, "?cursor=begin") as following:
        await following.event()
        last = await following.event()
    assert last is not None
    await tell(database, "c")
    async with stream(api, "?cursor=begin", last_event_id=last["id"]) as following:
        assert (await following.event())["id"] == last["id"]  # type: ignore[index]
        found = [json.loads((await following.event())["data"])["taskId"] for _ in range(2)]  # type: ignore[index]
    assert found == ["b", "c"]
    answer = await api.raw("GET", "/-/events", headers={"Accept": "text/event-stream", "Last-Event-ID": "x"})
    assert answer.error == (400, "InvalidQueryParameterValue")


async def test_a_stream_shows_that_it_lives(database: Database) -> None:
    async with serving(database, heartbeat=0.01) as api, stream(api, "?kinds=pool") as following:
        first = await following.event()
        assert await following.event() == {"": ""}
        await tell(database, "a")
        while (event := await following.event()) == {"": ""}:
            pass
        assert event is not None
        assert event["event"] == "cursor"  # what is not wanted has been read past
        assert first is not None
        assert event["id"] != first["id"]


async def test_a_stream_ends_when_the_service_stops(api: Api) -> None:
    async with stream(api) as following:
        await following.event()
        reader = feed_api.Reader(api.tail, feed_api.Wanted("devbatch"), feed_api.Position(1))
        waiting = asyncio.create_task(reader.next(1, 600))
        await asyncio.sleep(0)
        await api.tail.stop()
        assert await following.event() is None
        async with asyncio.timeout(PATIENCE):
            assert await waiting == []
    assert (await api.get("/-/events")).error == (503, "ServerBusy")


async def test_who_falls_behind_reads_the_store(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is kept than the bound, whoever reads how slowly."""
    monkeypatch.setattr(feed_tail, "KEPT_BYTES", 1)
    monkeypatch.setattr(feed_tail, "PAGE_BYTES", 1)
    names = [f"t{number}" for number in range(30)]
    async with stream(api) as following:
        await following.event()
        for name in names:
            await tell(database, name)
        found = [json.loads((await following.event())["data"])["taskId"] for _ in names]  # type: ignore[index]
    assert found == names


async def test_what_is_kept_no_more_is_read_from_the_store(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, each row once."""
    monkeypatch.setattr(feed_tail, "KEPT_BYTES", 1)
    monkeypatch.setattr(feed_tail, "PAGE_BYTES", 1)
    await api.tail.enter()
    first = api.tail.complete + 1
    for name in ("a", "b", "c"):
        await tell(database, name)
    await api.tail.refresh()
    found, position = [], first
    for _ in range(3):
        rows, position = await api.tail.read(feed_api.Position(position))
        found.append([row.number for row in rows])
    assert found == [[first], [first + 1], [first + 2]]
    api.tail.leave()


async def test_a_stream_that_comes_too_late_says_so(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two pieces, what it had still to read was removed."""
    monkeypatch.setattr("batchite.batch.feed.streaming.MOST", 1)
    monkeypatch.setattr(feed_tail, "KEPT_BYTES", 1)
    await tell(database, "a")
    for name in ("b", "c", "d"):
        await tell(database, name)
    reader = feed_api.Reader(api.tail, feed_api.Wanted("devbatch"), feed_api.Position(1))
    await api.tail.enter()
    assert [found.line.kind for found in await reader.next(1, 0)] == ["task"]
    await database.write(lambda connection: feed.remove(connection, 3))
    with pytest.raises(feed_api.ExpiredError):
        await reader.next(1, 0)
    api.tail.leave()


async def test_who_takes_nothing_is_left(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent waits for the client, and the place of one who takes none of it is given to others."""
    monkeypatch.setattr(feed_api, "MOST_READERS", 1)
    monkeypatch.setattr("batchite.batch.feed.streaming.SEND_SECONDS", 0.05)
    for _ in range(40):
        await tell(database, *("t" * 60 + str(number) for number in range(1000)))
    target = "/-/events?cursor=begin"
    headers = api.signed("GET", target, None, {"Accept": "text/event-stream"})
    lines = [f"GET {target} HTTP/1.1", f"Host: {api.url[7:]}", *(f"{n}: {v}" for n, v in headers.items())]
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = api.url[7:].split(":")
        await asyncio.to_thread(client.connect, (host, int(port)))
        await asyncio.to_thread(client.sendall, ("\r\n".join(lines) + "\r\n\r\n").encode())
        assert (await asyncio.to_thread(client.recv, 12)) == b"HTTP/1.1 200"
        async with asyncio.timeout(PATIENCE):
            while (await api.get("/-/events")).status == 503:  # noqa: ASYNC110 (that it was left is not told)
                await asyncio.sleep(0.01)
