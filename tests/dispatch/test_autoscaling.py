"""Pools that have their size by a formula: samples, turns and resizes, across restarts and failed commits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    ScriptedAgent,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)

from batchite.configuration.fidelity import Fidelity
from batchite.link import messages as link
from batchite.resources.evaluations import MOST, AutoScaleEvaluation
from batchite.resources.feed import PoolChanged, decode
from batchite.scheduling.autoscale.samples import Samples
from batchite.scheduling.scaling import HISTORY
from batchite.store.batch import events, schema
from batchite.store.database import Database, Unit
from batchite.store.groups import T
from batchite.wire.batch import codec
from batchite.wire.batch.counters import Counters
from batchite.wire.batch.models.pools import AutoScaleRun
from batchite.wire.ticks import TICKS_PER_SECOND, Duration

PERIOD = Duration.of(seconds=30)
INTERVAL = 300 * TICKS_PER_SECOND
FIDELITY = Fidelity(autoscale_sample=30)
SHRINKS = (
    "$TargetDedicatedNodes = $PendingTasks.Count() > 0 ? 0 : 1; $NodeDeallocationOption = taskcompletion"
)
TASKS = "$TargetDedicatedNodes = max(0, $PendingTasks.GetSample(1))"


class FragileDatabase(Database):
    """Whose commits fail while it is told so."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_broken = False
        self.failures = 0

    async def write(self, unit: Unit[T]) -> T:
        if self.is_broken:
            self.failures += 1
            raise OSError("no space left on device")
        return await super().write(unit)


@pytest.fixture
async def database(batch_url: str) -> AsyncIterator[FragileDatabase]:
    database = FragileDatabase(batch_url)
    yield database
    database.close()


def add(
    connection: sa.Connection, formula: str, now: int, nodes: int = 0, *, turn_in: int = 0, **changes: Any
) -> int:
    """A steady pool whose formula has its first turn now, or so many ticks later."""
    defaults = {"allocation_state": "steady", "auto_scale": True, **changes}
    number = add_pool(connection, nodes, **defaults)
    turns = {"evaluate_at": now + turn_in, "sample_at": now + PERIOD.ticks}
    row = {"pool_no": number, "formula": formula, "interval_ticks": INTERVAL, "enabled": now, **turns}
    connection.execute(sa.insert(schema.autoscaling), row)
    return number


class Turns:
    """A pool under its formula, on a clock that is set."""

    def __init__(self, database: Database, clock: StepClock | None = None, quota: int | None = None) -> None:
        self.database = database
        self.clock = clock or StepClock()
        self.dispatch, self.engine = make_dispatch(
            database, quota, clock=self.clock, fidelity=FIDELITY, lease=None
        )

    async def pass_by(self, seconds: float) -> None:
        """So much later, whatever is due by then has been seen to."""
        self.clock.ticks += round(seconds * TICKS_PER_SECOND)
        await self.dispatch.run_once()
        await self.quiet()

    async def quiet(self) -> None:
        now = self.clock.ticks
        await until_stored(self.database, schema.events, lambda found: not found)  # by which things get due
        await until_stored(self.database, schema.due, lambda found: all(row.at > now for row in found))
        await until_stored(self.database, schema.events, lambda found: not found)

    async def samples(self) -> Samples:
        found = await rows(self.database, schema.samples)
        return Samples.of_stored([(row.at, row.measured) for row in found], PERIOD)

    async def log(self) -> list[AutoScaleEvaluation]:
        found = await rows(self.database, schema.evaluations)
        return [codec.decode(row.entry, AutoScaleEvaluation) for row in found]

    async def run(self) -> AutoScaleRun:
        (found,) = await rows(self.database, schema.autoscaling)
        return codec.decode(found.run, AutoScaleRun)

    async def pool(self) -> Any:
        (found,) = await rows(self.database, schema.pools)
        return found


async def test_a_formula_is_evaluated_at_once_and_then_at_its_interval(database: Database) -> None:
    turns = Turns(database)
    await database.write(
        lambda c: add(c, "$TargetDedicatedNodes = 1 + $PendingTasks.Count()", turns.clock.ticks)
    )
    async with running(turns.dispatch):
        await turns.pass_by(0.1)
        await until(lambda: len(turns.engine.started) == 1)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
        assert (await turns.pool()).target_dedicated == 1
        assert [entry.what for entry in await turns.log()] == ["resized"]
        await turns.pass_by(250)
        assert len(await turns.log()) == 1
        await turns.pass_by(60)
        await until(lambda: len(turns.engine.started) > 1)
        (_, second) = await turns.log()
        assert second.what == "resized"
        assert (await turns.run()).results == second.results
        (row,) = await rows(database, schema.autoscaling)
        assert row.evaluate_at == row.enabled + 2 * INTERVAL


async def test_samples_are_what_store_and_nodes_say(database: Database) -> None:
    turns = Turns(database)

    def unit(connection: sa.Connection) -> None:
        add(connection, "$TargetDedicatedNodes = 2", turns.clock.ticks, 2, allocation_state="resizing")
        job = add_job(connection)
        add_tasks(connection, job, 5)

    await database.write(unit)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(turns.dispatch))
        await until(lambda: len(turns.engine.started) == 2)
        specs = list(turns.engine.started.values())
        agents = [ScriptedAgent(url, spec, runs_tasks=False) for spec in specs]
        for agent in agents:
            await stack.enter_async_context(agent)
        await until(lambda: sum(len(agent.runs) for agent in agents) >= 2)
        await agents[0].begin(agents[0].runs[0])
        await until_stored(database, schema.task_counts, lambda found: found[0].running == 1)
        await turns.pass_by(31)
        first = await turns.samples()
        assert [first.newest(f"${name}Tasks") for name in ("Active", "Running", "Pending")] == [4, 1, 5]
        assert first.newest("$PendingTaskSlots") == 5.0
        assert first.newest("$CurrentDedicatedNodes") == first.newest("$UsableNodeCount") == 2.0
        assert first.newest("$CPUPercent") is None  # nobody has been asked yet
        assert first.newest("$SampleNodeCount") == 0.0
        for seconds in (10.0, 40.0):
            await until(lambda: all(agent.heard(link.MeasureUse) for agent in agents))
            for agent in agents:
                agent.other.clear()
                counted = Counters(int(seconds) * 100, 7, None, 5, 1000 - int(seconds), 10)
                told = link.UseMeasured(0, 3, 50 << 20, seconds, 2 << 30, counted)
                await agent.send(told, link.Heartbeat())
            await until(partial(heard, turns, seconds, 2))
            await turns.pass_by(30)
        samples = await turns.samples()
        assert samples.newest("$WallClockSeconds") == pytest.approx(15.0, abs=0.1)  # 30 s on one of two nodes
        assert samples.count("$ActiveTasks") == 3
        assert samples.newest("$CPUPercent") == pytest.approx(50.0, abs=0.1)  # 30 of 60 s on 2 processors
        assert samples.newest("$MemoryBytes") == 50.0
        assert samples.newest("$DiskBytes") == 2.0
        assert samples.newest("$SampleNodeCount") == 2.0
        assert samples.newest("$DiskReadBytes") == 3000.0, "since the sample before"
        assert samples.newest("$DiskWriteBytes") == samples.newest("$NetworkOutBytes") == 0.0
        assert samples.newest("$DiskReadOps") is None, "which cannot be told there"
        assert samples.newest("$NetworkInBytes") is None, "a counter that has shrunk says nothing"


def heard(turns: Turns, seconds: float, nodes: int) -> bool:
    state = turns.dispatch.shards[SHARD].reactor.state
    measured = [node.measured for node in state.nodes.values()]
    return sum(one is not None and one.processor_seconds == seconds for one in measured) == nodes


async def test_a_gap_is_a_gap_and_old_samples_go(database: Database) -> None:
    turns = Turns(database)
    await database.write(lambda c: add(c, TASKS, turns.clock.ticks))
    async with running(turns.dispatch):
        await turns.pass_by(31)
        await turns.pass_by(30)
    again = Turns(database, turns.clock)
    again.clock.ticks += 600 * TICKS_PER_SECOND
    async with running(again.dispatch):
        await again.pass_by(0)
        await again.pass_by(30)
        samples = await again.samples()
        assert samples.count("$ActiveTasks") == 4
        times = samples.series["$ActiveTasks"].times
        assert times[2] - times[1] > 500 * TICKS_PER_SECOND
        await again.pass_by(HISTORY / TICKS_PER_SECOND - 120)
        assert (await again.samples()).count("$ActiveTasks") == 3


async def test_a_formula_that_fails_leaves_the_pool_as_it_is(database: Database) -> None:
    turns = Turns(database)
    formula = "a = 1;\n$TargetDedicatedNodes = $PendingTasks.GetSample(TimeInterval_Hour, 70)"
    await database.write(lambda c: add(c, formula, turns.clock.ticks))
    async with running(turns.dispatch):
        await turns.pass_by(0)
        (entry,) = await turns.log()
        assert entry.what == "failed"
        assert entry.marked == "$TargetDedicatedNodes = $PendingTasks.GetSample(TimeInterval_Hour, 70)\n" + (
            " " * 38 + "^"
        )
        run = await turns.run()
        assert run.error
        assert run.error.code == "InsufficientSampleData"
        assert (await turns.pool()).target_dedicated == 0
        (seen,) = entry.samples
        assert (seen.name, seen.count) == ("$PendingTasks", 0)


async def test_a_pool_that_resizes_skips_its_turn(database: Database) -> None:
    turns = Turns(database)

    def unit(connection: sa.Connection) -> None:
        add(connection, SHRINKS, turns.clock.ticks)
        add_tasks(connection, add_job(connection), 1)

    await database.write(unit)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(turns.dispatch))
        await turns.pass_by(0)
        await until(lambda: len(turns.engine.started) == 1)
        (spec,) = turns.engine.started.values()
        agent = ScriptedAgent(url, spec, runs_tasks=False)
        await stack.enter_async_context(agent)
        await until(lambda: len(agent.runs) == 1)
        await agent.begin(agent.runs[0])
        await until_stored(database, schema.task_counts, lambda found: found[0].running == 1)
        await turns.pass_by(31)
        await turns.pass_by(270)
        assert (await turns.pool()).allocation_state == "resizing"  # for the task has not ended
        before = await turns.run()
        await turns.pass_by(300)
        skipped = (await turns.log())[-1]
        assert (skipped.what, skipped.results) == ("skipped", msgspec.UNSET)
        assert "The pool is resizing" in str(skipped.why)
        assert await turns.run() == before
        await agent.end(agent.runs[0])
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
        await turns.pass_by(300)
        assert [entry.what for entry in await turns.log()] == ["resized", "resized", "skipped", "unchanged"]


async def test_what_quota_does_not_allow_is_tried_again_and_the_log_says_why(database: Database) -> None:
    turns = Turns(database, quota=4)
    await database.write(lambda c: add(c, "$TargetDedicatedNodes = 5", turns.clock.ticks))
    async with running(turns.dispatch):
        await turns.pass_by(0)
        await until_stored(database, schema.pools, lambda found: found[0].resize_errors is not None)
        await turns.pass_by(301)
        first, second = await turns.log()
        assert (first.what, second.what) == ("resized", "resized")
        assert "AccountCoreQuotaReached" in str(second.why)
        assert "From 2 dedicated" in str(second.why)


async def test_tasks_of_nodes_that_leave_are_treated_as_the_formula_says(database: Database) -> None:
    turns = Turns(database)
    await database.write(lambda c: add(c, SHRINKS, turns.clock.ticks))
    async with running(turns.dispatch):
        await turns.pass_by(0)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
        await turns.pass_by(31)
        await turns.pass_by(270)
        assert (await turns.pool()).resize_option == "taskcompletion"
        await until_stored(database, schema.nodes, lambda found: not found)


async def test_the_feed_tells_of_the_resize(database: Database) -> None:
    turns = Turns(database)
    await database.write(lambda c: add(c, "$TargetDedicatedNodes = 1", turns.clock.ticks))
    async with running(turns.dispatch):
        await turns.pass_by(0)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
    told = [entry for row in await rows(database, schema.feed) for entry in decode(row.entries).entries]
    states = [entry.allocation_state for entry in told if isinstance(entry, PoolChanged)]
    assert states == ["resizing", "steady"]


async def test_a_kill_between_evaluation_and_resize_repeats_neither(database: Database) -> None:
    """The turn is stored, the owner is gone before it has heard of it."""
    turns = Turns(database)
    await database.write(lambda c: add(c, "$TargetDedicatedNodes = 2", turns.clock.ticks))
    async with running(turns.dispatch):
        await turns.pass_by(0)
        await until(lambda: len(turns.engine.started) == 2)
    pool = (await turns.pool()).pool_no

    def as_if_killed(connection: sa.Connection) -> None:
        """Before the event was read: no node is there."""
        connection.execute(sa.delete(schema.nodes))
        connection.execute(sa.update(schema.core_usage).values(cores=0))
        connection.execute(sa.update(schema.pools).values(allocation_state="resizing"))
        events.append(connection, SHARD, "pool", pool)

    await database.write(as_if_killed)
    again = Turns(database, turns.clock)
    async with running(again.dispatch):
        await until(lambda: len(again.engine.started) == 2)
        await again.pass_by(1)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
        assert len(await again.log()) == 1
        assert len(again.engine.started) == 2


async def test_a_turn_whose_commit_fails_is_taken_again(database: FragileDatabase) -> None:
    turns = Turns(database)

    def unit(connection: sa.Connection) -> None:
        add(connection, "$TargetDedicatedNodes = 2", turns.clock.ticks, turn_in=INTERVAL)
        add_job(connection)  # so that the shard stays in memory

    await database.write(unit)
    async with running(turns.dispatch):
        await turns.pass_by(1)
        database.is_broken = True
        turns.clock.ticks += INTERVAL
        await turns.dispatch.run_once()
        await until(lambda: database.failures > 0)
        assert await rows(database, schema.evaluations) == []
        database.is_broken = False
        await turns.pass_by(0)
        await until(lambda: len(turns.engine.started) == 2)
        assert [entry.what for entry in await turns.log()] == ["resized"]


async def test_autoscale_that_is_off_by_then_does_nothing(database: Database) -> None:
    turns = Turns(database)
    number = await database.write(
        lambda c: add(c, "$TargetDedicatedNodes = 2", turns.clock.ticks, turn_in=INTERVAL)
    )
    async with running(turns.dispatch):
        await turns.pass_by(31)
        await database.write(lambda c: c.execute(sa.update(schema.pools).values(auto_scale=False)))
        await turns.pass_by(600)  # the owner has not heard of it
        assert await turns.log() == []
        await database.write(lambda c: events.append(c, SHARD, "pool", number))
        turns.dispatch.wake(SHARD)
        await turns.pass_by(600)
        assert await rows(database, schema.due) == []
        assert (await turns.samples()).count("$ActiveTasks") == 1


async def test_the_log_has_an_end_and_goes_with_its_pool(database: Database) -> None:
    turns = Turns(database)
    number = await database.write(lambda c: add(c, "x = 1", turns.clock.ticks))
    entries = [{"pool_no": number, "entry": b"{}"} for _ in range(MOST + 5)]
    await database.write(lambda c: c.execute(sa.insert(schema.evaluations), entries))
    async with running(turns.dispatch):
        await turns.pass_by(31)
        assert len(await rows(database, schema.evaluations)) == MOST

        def delete(connection: sa.Connection) -> None:
            connection.execute(sa.update(schema.pools).values(state="deleting"))
            events.append(connection, SHARD, "pool", number)

        await database.write(delete)
        turns.dispatch.wake(SHARD)
        await until_stored(database, schema.pools, lambda found: not found)
    for table in (schema.autoscaling, schema.samples, schema.evaluations, schema.due):
        assert await rows(database, table) == []


async def test_many_tasks_make_a_pool_grow_and_their_end_makes_it_shrink(database: Database) -> None:
    turns = Turns(database)

    def unit(connection: sa.Connection) -> None:
        add(connection, TASKS, turns.clock.ticks)
        add_tasks(connection, add_job(connection), 3)

    await database.write(unit)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(turns.dispatch))
        await turns.pass_by(0)
        assert (await turns.pool()).target_dedicated == 0  # there is no sample yet
        await turns.pass_by(31)
        await turns.pass_by(270)
        agents = await connect_all(stack, url, turns.engine, 3)
        await until(lambda: sum(len(agent.runs) for agent in agents) == 3)
        await until_stored(database, schema.task_counts, lambda found: found[0].succeeded == 3)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
        await turns.pass_by(280)
        await turns.pass_by(30)
        assert (await turns.pool()).target_dedicated == 0
        await until(lambda: len(turns.engine.stopped) == 3)
        assert [entry.what for entry in await turns.log()] == ["unchanged", "resized", "resized"]
