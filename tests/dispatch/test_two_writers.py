"""Two services that write to one database: the one does not see what the other has not committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import sqlalchemy as sa
from tests.databases import ON_POSTGRESQL
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    make_dispatch,
    rows,
    running,
    settled,
)
from tests.store.together import Busy

from batchite.dispatch import committer
from batchite.resources import dependencies
from batchite.resources.rules import JobRules, encode
from batchite.resources.states import DELETABLE, ENDABLE
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.jobs import ALL_TASKS_COMPLETE, JobTerminating
from batchite.scheduling.changes.pools import NodesWanted
from batchite.scheduling.changes.tasks import Completed
from batchite.scheduling.room import Limits
from batchite.store.batch import jobs, pools, schema, tasks
from batchite.store.batch.recording import Changed
from batchite.store.database import Database


@pytest.fixture
async def other(batch_url: str, database: Database) -> AsyncIterator[Database]:
    """A second writer."""
    other = Database(batch_url)
    yield other
    other.close()


async def waits_or_is_over(database: Database, task: asyncio.Task[object]) -> bool:
    """Until the task is over, or waits for a lock: True. The server has databases of other tests, too."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(60):
        while not task.done():
            if await database.read(lambda c: c.execute(waiting).scalar_one()):
                return True
    return False


def some_tasks(job: int, first: int) -> list[dict[str, object]]:
    return [
        {
            "job_no": job,
            "key": f"t{number}",
            "id": f"t{number}",
            "definition": b'{"commandLine":"true"}',
            "required_slots": 1,
            "state": "active",
            "state_time": 1,
            "created": 1,
            "modified": 1,
        }
        for number in range(first, first + 3)
    ]


@ON_POSTGRESQL
async def test_tasks_become_visible_in_the_order_of_their_numbers(
    database: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a window that has been read up to the later ones passes over the earlier for good."""
    job = await database.write(add_job)
    busy = Busy()
    count: Callable[..., None] = tasks._count

    def counted(*arguments: object) -> None:
        monkeypatch.setattr(tasks, "_count", count)
        busy(arguments)
        count(*arguments)

    monkeypatch.setattr(tasks, "_count", counted)
    first = asyncio.create_task(database.write(lambda c: tasks.add(c, job, some_tasks(job, 0))))
    await busy.begun()
    second = asyncio.create_task(other.write(lambda c: tasks.add(c, job, some_tasks(job, 3))))
    assert await waits_or_is_over(other, second)
    assert await rows(other, schema.tasks) == []
    busy.go_on()
    await asyncio.gather(first, second)
    assert [task.id for task in await rows(other, schema.tasks)] == [f"t{number}" for number in range(6)]


@ON_POSTGRESQL
async def test_an_event_that_becomes_visible_after_later_ones_is_heard(
    database: Database, other: Database
) -> None:
    """And nobody waits for who is about to commit it."""
    job = await database.write(add_job)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
        busy, numbers = Busy(), list[int]()

        def ending(connection: sa.Connection) -> int:
            numbers.append(change_job(connection, job, "terminating"))
            busy(connection)
            return numbers[0]

        first = asyncio.create_task(other.write(ending))
        await busy.begun()
        later = await database.write(lambda c: add_tasks(c, add_job(c, "later"), 1))
        assert later > numbers[0]
        assert await dispatch.settled(SHARD, later, 60)
        busy.go_on()
        assert await dispatch.settled(SHARD, await first, 60)
    assert [row.state for row in await rows(database, schema.jobs)] == ["completed", "active"]


@ON_POSTGRESQL
async def test_changes_that_two_make_at_one_moment_have_etags_of_their_own(
    database: Database, other: Database
) -> None:
    job, now, busy = await database.write(add_job), 9, Busy()

    def terminating(connection: sa.Connection) -> Changed | None:
        values = {"state": "terminating", "terminate_reason": "enough"}
        made = jobs.change(connection, ACCOUNT, "job", ENDABLE, now, values, sa.true())
        busy(connection)
        return made

    first = asyncio.create_task(database.write(terminating))
    await busy.begun()
    gone = {"state": "deleting"}
    deleting = asyncio.create_task(
        other.write(lambda c: jobs.change(c, ACCOUNT, "job", DELETABLE, now, gone, sa.true()))
    )
    assert await waits_or_is_over(other, deleting)
    busy.go_on()
    made = await asyncio.gather(first, deleting)
    assert [(one.number, one.modified) for one in made if one] == [(job, now), (job, now + 1)]


@ON_POSTGRESQL
async def test_a_pool_is_not_empty_any_more_while_nodes_are_being_added(
    database: Database, other: Database
) -> None:
    """Who would change what only an empty pool may change waits, and sees them."""
    pool, busy = await database.write(lambda c: add_pool(c, 2)), Busy()

    def adding(connection: sa.Connection) -> None:
        changes = Changes(nodes_wanted={True: NodesWanted(pool, True, 2, 2, "pool", 1)})
        committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, changes, 9)
        busy(connection)

    first = asyncio.create_task(database.write(adding))
    await busy.begun()
    second = asyncio.create_task(other.write(lambda c: pools.find(c, ACCOUNT, "pool", to_change=True)))
    assert await waits_or_is_over(other, second)
    busy.go_on()
    _, found = await asyncio.gather(first, second)
    assert found is not None
    assert found.current_dedicated == 2


@ON_POSTGRESQL
async def test_a_job_does_not_end_under_tasks_that_are_being_added(
    database: Database, other: Database
) -> None:
    job = await database.write(lambda c: add_job(c, on_all_tasks_complete="terminatejob"))
    busy = Busy()

    def adding(connection: sa.Connection) -> None:
        assert tasks.add(connection, job, some_tasks(job, 0))
        busy(connection)

    def ending(connection: sa.Connection) -> None:
        changes = Changes(job_terminating=[JobTerminating(job, ALL_TASKS_COMPLETE, 9)])
        committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, changes, 9)

    first = asyncio.create_task(database.write(adding))
    await busy.begun()
    second = asyncio.create_task(other.write(ending))
    assert await waits_or_is_over(other, second)
    busy.go_on()
    await asyncio.gather(first, second)
    assert [row.state for row in await rows(database, schema.jobs)] == ["active"]


@ON_POSTGRESQL
@pytest.mark.parametrize("first", ["adding", "completing"])
async def test_no_task_waits_for_one_that_is_satisfied_while_it_is_added(
    database: Database, other: Database, first: str
) -> None:
    """Whoever is first, the other sees what it has done."""
    job = await database.write(lambda c: add_job(c, rules=encode(JobRules(uses_dependencies=True))))

    def adding(task: str, *depends_on: str) -> Callable[[sa.Connection], object]:
        (row, *_) = some_tasks(job, 0)
        row = {name: value for name, value in row.items() if name != "max_retries"}
        named = {"key": task, "id": task, "dependencies": dependencies.encode(depends_on)}
        return lambda connection: tasks.add(connection, job, [{**row, **named}])

    await database.write(adding("parent"))
    run = (1, job, 1, "parent", "job", "active", None, 9, 0, None, "", None, None, None, 1)
    satisfied = Changes(completed=[Completed(*run, satisfies=True)])  # type: ignore[arg-type]

    def completing(connection: sa.Connection) -> object:
        return committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, satisfied, 9)

    units = {"adding": adding("child", "parent"), "completing": completing}
    busy = Busy()

    def and_wait(connection: sa.Connection) -> object:
        done = units.pop(first)(connection)
        busy(connection)
        return done

    begun = asyncio.create_task(database.write(and_wait))
    await busy.begun()
    (unit,) = units.values()
    following = asyncio.create_task(other.write(unit))
    assert await waits_or_is_over(other, following)
    busy.go_on()
    await asyncio.gather(begun, following)
    assert [row.state for row in await rows(database, schema.tasks)] == ["completed", "active"]
