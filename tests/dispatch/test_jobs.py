"""Jobs that end, or change, while their owner is at work."""

from __future__ import annotations

from tests.dispatch.support import (
    TERMINATES,
    StepClock,
    add_job,
    add_tasks,
    make_dispatch,
    rows,
    running,
    settled,
    until_stored,
)

from batchite.configuration.fidelity import Fidelity
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

FIDELITY = Fidelity(empty_job_pause=2.5)


async def test_a_job_without_tasks_ends_when_its_pause_is_over(database: Database) -> None:
    clock = StepClock()
    added = clock.ticks
    empty = await database.write(lambda c: add_job(c, rules=TERMINATES, modified=added))
    waiting = await database.write(lambda c: add_job(c, "other", rules=TERMINATES, modified=added))
    await database.write(lambda c: add_tasks(c, waiting, 1))
    dispatch, _ = make_dispatch(database, clock=clock, fidelity=FIDELITY)
    async with running(dispatch):
        await settled(dispatch, database)
        due = [(row.kind, row.subject, row.at) for row in await rows(database, schema.due)]
        assert due == [("empty-job", job, added + 25_000_000) for job in (empty, waiting)]
    dispatch, _ = make_dispatch(database, clock=clock, fidelity=FIDELITY)
    async with running(dispatch):
        await settled(dispatch, database)
        assert {job.state for job in await rows(database, schema.jobs)} == {"active"}
        clock.ticks += 3 * TICKS_PER_SECOND
        await dispatch.run_once()
        await until_stored(database, schema.due, lambda due: not due)
        ended, other = await rows(database, schema.jobs)
        assert (ended.state, ended.terminate_reason) == ("completed", "AllTasksComplete")
        assert other.state == "active"


async def test_without_a_pause_it_stays(database: Database) -> None:
    await database.write(lambda c: add_job(c, rules=TERMINATES))
    dispatch, _ = make_dispatch(database, fidelity=Fidelity(empty_job_pause=0))
    async with running(dispatch):
        await settled(dispatch, database)
        assert await rows(database, schema.due) == []
