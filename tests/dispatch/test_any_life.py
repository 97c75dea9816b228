"""Whatever is asked of tasks and happens to them, in any order and whoever is killed: each is where a small
model says, and all that is counted of them is what they are.

The model knows of a task how it ended, if it did, how often it was retried, and how often it may be. What is
stored is compared with it, and with itself, after every step. BATCHITE_TEST_EXAMPLES says how many sequences
are tried.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.batch.service import acting
from tests.databases import Databases
from tests.dispatch.living import Look, World
from tests.dispatch.support import add_job, add_pool, rows
from tests.dispatch.troubled import PLACES, Troubled

from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.tasks import actions
from batchite.store.batch import schema
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, BatchTaskReplaceOptions
from batchite.wire.ticks import TICKS_PER_SECOND

ALWAYS = Conditions()
NODES = 2
MINUTE = 60 * TICKS_PER_SECOND
WEEK = 7 * 24 * 60 * MINUTE
RETRIES = st.sampled_from((0, 1, -1))


@dataclass
class Task:
    """`result`: none as long as it is not over. `attempts`: as many were stored at least."""

    most: int
    retries: int = 0
    result: str | None = None
    attempts: int = 0


class AnyLife(Troubled):
    databases: Databases
    """set by the test"""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.new = self.databases.new("batch")
        self.world = World(self.new.__enter__())
        self.model: dict[str, Task] = {}
        self.added = 0
        self.now_there: Look
        self.causes: list[Any] = []
        self.run(self.begin())

    async def begin(self) -> None:
        await self.world.start()
        await self.world.database.write(lambda c: add_pool(c, NODES))
        await self.world.database.write(add_job)
        await self.settle()

    @property
    def acting(self) -> Acting:
        doer = acting(self.world.database, self.world.dispatch)
        return replace(doer, moment=self.world.clock.now())

    async def settle(self) -> None:
        self.now_there = await self.world.quiet()
        self.causes = await rows(self.world.database, schema.failure_causes)

    def name(self, place: int) -> str:
        names = sorted(self.model)
        return names[place % len(names)] if names else "none"

    async def ask(self, work: Coroutine[Any, Any, object]) -> str | None:
        """The code with which it was refused."""
        try:
            await work
        except BatchError as error:
            return error.code
        finally:
            await self.settle()
        return None

    # -- what is asked

    @rule(most=RETRIES, count=st.integers(1, 3))
    def add(self, most: int, count: int) -> None:
        async def add() -> None:
            for _ in range(count):
                self.added += 1
                name = f"t{self.added}"
                limits = BatchTaskConstraints(max_task_retry_count=most)
                task = BatchTaskCreateOptions(id=name, command_line="work", constraints=limits)
                await actions.add(self.acting, "job", task)
                self.model[name] = Task(most)
            await self.settle()

        self.run(add())

    @rule(place=PLACES)
    def terminate(self, place: int) -> None:
        name = self.name(place)
        task = self.model.get(name)
        refused = self.run(self.ask(actions.terminate(self.acting, "job", name, ALWAYS)))
        if task is None or task.result is not None:
            assert refused == ("TaskNotFound" if task is None else "TaskCompleted")
        else:
            assert refused is None
            task.result = "failure"

    @rule(place=PLACES)
    def delete(self, place: int) -> None:
        name = self.name(place)
        refused = self.run(self.ask(actions.delete(self.acting, "job", name, ALWAYS)))
        assert refused == (None if self.model.pop(name, None) else "TaskNotFound")

    @rule(place=PLACES)
    def reactivate(self, place: int) -> None:
        name = self.name(place)
        task = self.model.get(name)
        refused = self.run(self.ask(actions.reactivate(self.acting, "job", name, ALWAYS)))
        match task:
            case None:
                assert refused == "TaskNotFound"
            case Task(result="failure"):
                assert refused is None
                task.result, task.retries = None, 0
            case Task(result=result):
                assert refused == ("TaskNotCompleted" if result is None else "TaskSucceeded")

    @rule(place=PLACES, most=RETRIES)
    def limit(self, place: int, most: int) -> None:
        name = self.name(place)
        options = BatchTaskReplaceOptions(constraints=BatchTaskConstraints(max_task_retry_count=most))
        refused = self.run(self.ask(actions.update(self.acting, "job", name, options, ALWAYS)))
        assert refused == (None if name in self.model else "TaskNotFound")
        if name in self.model:
            self.model[name].most = most

    # -- what happens

    @rule(place=PLACES, code=st.sampled_from((0, 1, 1)))
    def a_run_ends(self, place: int, code: int) -> None:
        async def end() -> None:
            running = [(agent, one) for agent in self.world.engine.alive.values() for one in agent.running]
            if not running:
                return
            agent, order = running[place % len(running)]
            task = self.model[order.task_id]
            if code == 0:
                task.result = "success"
            elif task.most < 0 or task.retries < task.most:
                task.retries += 1
            else:
                task.result = "failure"
            await agent.finish(order, code)
            await self.settle()

        self.run(end())

    @rule(ticks=st.sampled_from((MINUTE, WEEK + MINUTE)))
    def time_passes(self, ticks: int) -> None:
        async def pass_() -> None:
            await self.world.pass_time(ticks)
            await self.settle()

        self.run(pass_())

    # -- what holds

    @invariant()
    def each_is_where_the_model_says(self) -> None:
        stored = {str(task.id): task for task in self.now_there.tasks}
        assert stored.keys() == self.model.keys()
        for name, task in self.model.items():
            row = stored[name]
            assert (row.result, row.retry_count) == (task.result, task.retries), name
            assert (row.state == "completed") == (task.result is not None)
            assert (row.cause is not None) == (task.result == "failure")
            assert row.attempt >= task.attempts, "an attempt has one number, and no other has it"
            task.attempts = row.attempt

    @invariant()
    def what_is_counted_is_what_there_is(self) -> None:
        look = self.now_there
        (counts,) = look.counts or (None,)
        if counts is None:
            return
        shown = Counter("active" if task.state == "leased" else task.state for task in look.tasks)
        results = Counter(task.result for task in look.tasks)
        assert (counts.active, counts.running) == (shown["active"], shown["running"])
        assert (counts.succeeded, counts.failed) == (results["success"], results["failure"])
        of_causes = Counter(task.cause for task in look.tasks if task.cause is not None)
        assert {one.cause: one.tasks for one in self.causes} == of_causes

    @invariant()
    def nodes_are_busy_as_long_as_tasks_wait(self) -> None:
        waiting = [
            task
            for task in self.now_there.tasks
            if task.state in ("active", "leased") and task.task_no not in self.now_there.paused
        ]
        busy = sum(len(agent.running) for agent in self.world.engine.alive.values())
        assert not waiting or busy == NODES

    def teardown(self) -> None:
        try:
            self.run(self.world.stop(end_nodes=True))
        finally:
            self.world.database.close()
            self.new.__exit__(None, None, None)
            self.loop.close()


@pytest.mark.parametrize("examples", [2, pytest.param(20, marks=pytest.mark.endurance)])
def test_any_life_of_tasks_is_as_the_model_says(databases: Databases, examples: int) -> None:
    AnyLife.databases = databases
    AnyLife.TestCase.settings = settings(
        max_examples=int(os.environ.get("BATCHITE_TEST_EXAMPLES", examples)),
        stateful_step_count=25,
        suppress_health_check=[*HealthCheck],
    )
    AnyLife.TestCase().runTest()
