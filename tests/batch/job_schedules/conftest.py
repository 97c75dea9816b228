"""Job schedules with an owner at work, on a clock that stands still until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from tests.batch.service import VERSION, Answer, Api, serving
from tests.dispatch.support import StepClock, make_dispatch

from batchite.dispatch.service import Dispatch
from batchite.machine.clock import SystemClock
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp, WallTime

START = Timestamp.parse("2026-01-01T12:00:00Z")
MINUTE = 60 * TICKS_PER_SECOND


class Clock(StepClock):
    """Requests are signed by the machine's."""

    def __init__(self) -> None:
        self.ticks = START.ticks

    def wall(self) -> WallTime:
        return SystemClock().wall()


@dataclass
class World:
    api: Api
    clock: Clock
    dispatch: Dispatch

    async def add(self, id: str = "nightly", schedule: object = None, **properties: object) -> Answer:
        body = {"id": id, "schedule": schedule or {}, "jobSpecification": specification(), **properties}
        answer = await self.api.post("/jobschedules", body)
        await self.settle()
        return answer

    async def get(self, id: str = "nightly") -> Any:
        return (await self.api.get(f"/jobschedules/{id}")).json

    async def patch(self, body: object, id: str = "nightly") -> Answer:
        answer = await self.api.raw("PATCH", f"/jobschedules/{id}?{VERSION}", body)
        await self.settle()
        return answer

    async def put(self, body: object, id: str = "nightly") -> Answer:
        answer = await self.api.raw("PUT", f"/jobschedules/{id}?{VERSION}", body)
        await self.settle()
        return answer

    async def have(self, word: str, id: str = "nightly") -> Answer:
        """It done to the schedule, and all that follows."""
        answer = await self.api.post(f"/jobschedules/{id}/{word}")
        await self.settle()
        return answer

    async def end_job(self, number: int, id: str = "nightly") -> None:
        assert (await self.api.post(f"/jobs/{id}:job-{number}/terminate")).status == 202
        await self.settle()

    async def jobs(self, id: str = "nightly") -> dict[str, str]:
        """States of those that the schedule has made, by their names."""
        found = (await self.api.get(f"/jobschedules/{id}/jobs")).json["value"]
        return {job["id"].removeprefix(f"{id}:"): job["state"] for job in found}

    async def pass_(self, minutes: float) -> None:
        self.clock.ticks += round(minutes * MINUTE)
        await self.settle()

    async def gone(self, path: str) -> None:
        """Wait until it is."""
        async with asyncio.timeout(60):
            while (await self.api.get(path)).status != 404:
                await self.settle()
                await asyncio.sleep(0.002)

    async def settle(self) -> None:
        """Until all that is due or was told has been seen to."""
        async with asyncio.timeout(60):
            while await self.api.database.read(self._is_open):
                await self.dispatch.run_once()
                await asyncio.sleep(0.002)

    def _is_open(self, connection: sa.Connection) -> bool:
        is_due = sa.exists().where(schema.due.c.at <= self.clock.ticks)
        is_told = sa.exists().where(schema.events.c.sequence > 0)
        return bool(connection.execute(sa.select(sa.or_(is_due, is_told))).scalar_one())


def specification(**properties: object) -> dict[str, object]:
    return {"poolInfo": {"poolId": "pool"}, **properties}


def at(minutes: float) -> str:
    """A time so long after the beginning."""
    return str(Timestamp(START.ticks + round(minutes * MINUTE)))


@asynccontextmanager
async def at_work(
    database: Database, clock: Clock, quota: int | None = None, lease: Duration | None = None
) -> AsyncIterator[World]:
    dispatch, _ = make_dispatch(database, quota, clock=clock, lease=lease)
    await dispatch.start()
    try:
        async with serving(database, clock=clock, at_work=dispatch) as api:
            yield World(api, clock, dispatch)
    finally:
        await dispatch.stop(end_nodes=False)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with at_work(database, Clock()) as world:
        yield world
