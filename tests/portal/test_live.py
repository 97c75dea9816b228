"""Pages that follow what they show."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from tests.clocks import Machine
from tests.portal.service import Browser, serving
from yarl import URL

from batchite.machine.clock import SystemClock
from batchite.portal import live, sessions
from batchite.portal.answers import Watched, watch
from batchite.portal.visit import ROOT
from batchite.store.batch import schema
from batchite.store.database import Database

DEADLINE = 30
POOLS = f"{ROOT}/batch/devbatch/pools"


class ToldChanges:
    """A feed in which changes are told by the test."""

    def __init__(self) -> None:
        self.followed: list[tuple[str, Watched]] = []
        self.is_over = False
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def follow(self, account: str, watched: Watched) -> AsyncIterator[ToldChanges]:
        self.followed.append((account, watched))
        yield self
        self.followed.remove((account, watched))

    def tell(self) -> None:
        self._changed.set()

    async def changed(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def stop(self) -> None:
        self.is_over = True
        self._changed.set()


class Stream:
    """The events of one page."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self._content = response.content

    async def next(self) -> dict[str, str]:
        """The next event, without comments."""
        async with asyncio.timeout(DEADLINE):
            while True:
                block = (await self._content.readuntil(b"\n\n")).decode()
                fields: dict[str, list[str]] = {}
                for line in block.strip("\n").split("\n"):
                    name, _, value = line.partition(":")
                    fields.setdefault(name, []).append(value.removeprefix(" "))
                if set(fields) != {""}:
                    return {name: "\n".join(values) for name, values in fields.items()}

    async def ends(self) -> bool:
        async with asyncio.timeout(DEADLINE):
            return await self._content.read() is not None


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def changes() -> ToldChanges:
    return ToldChanges()


@pytest.fixture
async def operator(
    database: Database,
    tmp_path: Path,
    changes: ToldChanges,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Browser]:
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.0)
    clock = SystemClock(machine.time_ns)
    async with serving(database, tmp_path, changes=changes, clock=clock) as browser:
        await browser.enter()
        await browser.api.add_pool("films")
        yield browser


@asynccontextmanager
async def following(browser: Browser, target: str, **headers: str) -> AsyncIterator[Stream]:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    told = {"cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with browser.api.session.get(URL(browser.url + target, encoded=True), headers=told) as response:
        yield Stream(response)


def stream_of(page: str) -> str:
    """The URL that the page follows."""
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


async def test_a_page_is_sent_again_when_what_it_shows_has_changed(
    operator: Browser, changes: ToldChanges
) -> None:
    page = await operator.page("/batch/devbatch/pools/films")
    async with following(operator, stream_of(page)) as stream:
        await operator.api.update(schema.pools, allocation_state="resizing")
        changes.tell()
        event = await stream.next()
        assert "resizing" in event["data"]
        assert "<html" not in event["data"], "only what may have changed"
        assert changes.followed == [("devbatch", watch("pool", "node", pool="films"))]
        changes.tell()
        await operator.api.add_node("tvm-1", "films")
        changes.tell()
        assert 'id="node-tvm-1"' in (await stream.next())["data"]


async def test_what_has_not_changed_is_not_sent(operator: Browser, changes: ToldChanges) -> None:
    page = await operator.page("/batch/devbatch/pools")
    async with following(operator, stream_of(page)) as stream:
        changes.tell()
        await operator.api.add_pool("second")
        changes.tell()
        event = await stream.next()
        assert "second" in event["data"], "the first thing that is sent"
    async with following(operator, stream_of(page), last_event_id=event["id"]) as stream:
        await operator.api.add_pool("third")
        changes.tell()
        assert "third" in (await stream.next())["data"]


async def test_who_was_away_has_what_changed_meanwhile(operator: Browser, changes: ToldChanges) -> None:
    page = await operator.page("/batch/devbatch/pools?q=s*")
    await operator.api.add_pool("second")
    async with following(operator, stream_of(page)) as stream:
        data = (await stream.next())["data"]
    assert "second" in data
    assert "films" not in data, "the filter holds"


async def test_a_stream_ends_with_what_it_shows(operator: Browser, changes: ToldChanges) -> None:
    page = await operator.page("/batch/devbatch/pools/films")
    async with following(operator, stream_of(page)) as stream:
        await operator.api.database.write(lambda connection: connection.execute(schema.pools.delete()))
        changes.tell()
        assert (await stream.next())["event"] == "gone"
        assert await stream.ends()
    async with following(operator, stream_of(page)) as stream:
        assert (await stream.next())["event"] == "gone"
    assert changes.followed == []


async def test_a_stream_ends_with_the_session(
    operator: Browser, changes: ToldChanges, machine: Machine
) -> None:
    page = await operator.page("/batch/devbatch/pools")
    async with following(operator, stream_of(page)) as stream:
        machine.ahead_seconds = sessions.SECONDS
        changes.tell()
        assert (await stream.next())["event"] == "gone"
    async with following(operator, stream_of(page)) as stream:
        assert (await stream.next())["event"] == "gone"


async def test_a_stream_ends_with_the_service(operator: Browser, changes: ToldChanges) -> None:
    page = await operator.page("/batch/devbatch/pools")
    async with following(operator, stream_of(page)) as stream:
        changes.stop()
        assert await stream.ends()


@pytest.mark.parametrize(
    "target", ["", "/pools", "https://evil.example", f"{POOLS}/é", f"{ROOT}/docs", f"{ROOT}/enter"]
)
async def test_nothing_follows_what_is_no_page_that_changes(operator: Browser, target: str) -> None:
    async with following(operator, f"{live.PATH}?of={quote(target, safe='')}") as stream:
        assert stream.status in (200, 204, 404)
        assert await stream.ends()
