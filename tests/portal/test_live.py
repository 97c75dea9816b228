"""Pages that follow what they show."""

import asyncio
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from tests.clocks import Machine
from tests.portal.service import Browser
from tests.portal.streams import DEADLINE, following, stream_of

from batchite.portal import following as portal_following
from batchite.portal import live, sessions
from batchite.portal.visit import ROOT
from batchite.resources.keys import pool_shard
from batchite.store.batch import feed, schema

POOLS = f"{ROOT}/batch/devbatch/pools"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(live, "PAUSES_OF_A_LOOK", 0)


@pytest.fixture
async def films(operator: Browser) -> Browser:
    """The operator, in an account with a pool."""
    assert (await operator.api.add_pool("films")).status == 201
    return operator


async def test_a_page_is_sent_again_when_what_it_shows_has_changed(films: Browser) -> None:
    page = await films.page("/batch/devbatch/pools/films")
    async with following(films, stream_of(page)) as stream:
        await films.api.add_pool("another")
        assert (await films.api.delete("/pools/films")).status == 202
        data = ""
        while "deleting" not in data:  # what it says of its resize may have changed before
            data = (await stream.next())["data"]
            assert "<html" not in data, "only what may have changed"


async def test_what_has_not_changed_is_not_sent(films: Browser) -> None:
    page = await films.page("/batch/devbatch/pools")
    async with following(films, stream_of(page)) as stream:
        await films.api.add_pool("second")
        event = await stream.next()
        assert "second" in event["data"], "the first thing that is sent"
    async with following(films, stream_of(page), last_event_id=event["id"]) as stream:
        await films.api.add_pool("third")
        assert "third" in (await stream.next())["data"]


async def test_who_was_away_has_what_changed_meanwhile(films: Browser) -> None:
    page = await films.page("/batch/devbatch/pools?q=s*")
    await films.api.add_pool("second")
    async with following(films, stream_of(page)) as stream:
        data = (await stream.next())["data"]
    assert "second" in data
    assert "films" not in data, "the filter holds"


async def test_a_stream_ends_with_what_it_shows(films: Browser) -> None:
    page = await films.page("/batch/devbatch/pools/films")
    async with following(films, stream_of(page)) as stream:
        await films.api.delete("/pools/films")
        await stream.next()
        await films.api.database.write(_remove_pools)
        assert (await stream.next())["event"] == "gone"
        assert await stream.ends()
    async with following(films, stream_of(page)) as stream:
        assert (await stream.next())["event"] == "gone"


def _remove_pools(connection: sa.Connection) -> None:
    """As the owner of the shard does, at the end."""
    feed.append_pool(connection, pool_shard("devbatch", "films"), 1, "films", "deleted", "deleting", None)
    connection.execute(schema.pools.delete())


async def test_a_stream_ends_with_the_session(films: Browser, machine: Machine) -> None:
    page = await films.page("/batch/devbatch/pools")
    async with following(films, stream_of(page)) as stream:
        machine.ahead_seconds = sessions.SECONDS
        await films.api.database.write(_remove_pools)
        event = await stream.next()
        if "event" not in event:  # of a look that had begun before
            event = await stream.next()
        assert event["event"] == "gone"
    async with following(films, stream_of(page)) as stream:
        assert (await stream.next())["event"] == "gone"


async def test_a_stream_ends_with_the_service(films: Browser) -> None:
    page = await films.page("/batch/devbatch/pools")
    async with following(films, stream_of(page)) as stream:
        await films.api.tail.stop()
        assert await stream.ends()


async def test_a_page_that_is_closed_makes_room_at_once(
    films: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing is sent to it meanwhile, of which the service could see that nobody reads it."""
    monkeypatch.setattr(portal_following, "MOST_FOLLOWERS", 1)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 3600.0)
    target = stream_of(await films.page("/batch/devbatch/pools"))
    async with following(films, target) as stream:
        await stream.begins()
        async with following(films, target) as other:
            assert other.status == 204
    async with asyncio.timeout(DEADLINE):
        status = 204
        while status == 204:
            async with following(films, target) as again:
                status = again.status
    assert status == 200


@pytest.mark.parametrize(
    "target", ["", "/pools", "https://evil.example", f"{POOLS}/é", f"{ROOT}/docs", f"{ROOT}/enter"]
)
async def test_nothing_follows_what_is_no_page_that_changes(operator: Browser, target: str) -> None:
    async with following(operator, f"{live.PATH}?of={quote(target, safe='')}") as stream:
        assert stream.status in (200, 204, 404)
        assert await stream.ends()
