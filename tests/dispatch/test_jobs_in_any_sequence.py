"""Whatever is asked of jobs, in any order, and whatever is killed meanwhile: every job comes to the state
that the model says, no task is lost or run where it should not be, and what is over stays so.

The model knows of each job its state, its pool and its tasks, and of these whether they are over and how
often they were requeued. BATCHITE_TEST_EXAMPLES says how many sequences are tried.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.batch.service import acting
from tests.databases import Databases
from tests.dispatch.living import Look, World
from tests.dispatch.troubled import PLACES, Troubled

from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions as jobs
from batchite.batch.pools import actions as pools
from batchite.batch.tasks import actions as tasks
from batchite.resources.job_options import DisableOption
from batchite.resources.keys import pool_shard
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import BatchJobCreateOptions, BatchJobUpdateOptions, BatchPoolInfo
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.validation.jobs import accept as accept_job
from batchite.wire.batch.validation.jobs import patched
from batchite.wire.batch.validation.pools import accept as accept_pool
from batchite.wire.ticks import TICKS_PER_SECOND

ALWAYS = Conditions()
MINUTE = 60 * TICKS_PER_SECOND
SLOTS = 2
POOLS = ("here", "there")
"""That have a node each; `nowhere` is none."""
POOL = {
    "vmSize": "Standard_D2s_v3",
    "taskSlotsPerNode": SLOTS,
    "targetDedicatedNodes": 1,
    "virtualMachineConfiguration": {
        "imageReference": {
            "publisher": "canonical",
            "offer": "0001-com-ubuntu-server-jammy",
            "sku": "22_04-lts",
        },
        "nodeAgentSKUId": "batch.node.ubuntu 22.04",
    },
}
IDS = st.sampled_from(("a", "b"))
GONE = {"completed": "JobCompleted", "gone": "JobNotFound"}


def asked_for(look: Look) -> list[tuple[object, ...]]:
    """All that requests change of jobs and tasks. What their owner writes, such as that a node has given back
    what it had ahead, may change between two looks at any time."""
    jobs = [(job.job_no, job.definition, job.modified, job.state, job.tasks_option) for job in look.jobs]
    tasks = [(task.task_no, task.intent) for task in look.tasks]
    return [*jobs, *tasks]


@dataclass
class Job:
    """What the model knows; `state` is where it comes to when all is quiet."""

    state: str = "active"
    pool: str = "here"
    ends_when_done: bool = False
    tasks: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    requeues: Counter[str] = field(default_factory=Counter)


class AnySequence(Troubled):
    databases: Databases
    """set by the test"""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.new = self.databases.new("batch")
        self.world = World(self.new.__enter__(), SLOTS)
        self.jobs: dict[str, Job] = {}
        self.added = 0
        self.now_there: Look
        self.run(self.begin())

    async def begin(self) -> None:
        await self.world.start()
        for pool_id in POOLS:
            body = msgspec.json.encode(POOL | {"id": pool_id})
            await pools.add(self.acting, accept_pool(codec.decode(body, BatchPoolCreateOptions)))
        await self.settle()

    @property
    def acting(self) -> Acting:
        doer = acting(self.world.database, self.world.dispatch)
        return replace(doer, moment=self.world.clock.now())

    async def settle(self) -> None:
        self.now_there = await self.world.quiet()
        for job_id, job in self.jobs.items():
            if job.state == "disabling" and not self.running(job_id):
                job.state = "disabled"
            if job.state == "active" and job.ends_when_done and job.tasks and job.tasks == job.over:
                job.state = "completed"

    async def ask(self, work: Coroutine[Any, Any, object], code: str | None) -> bool:
        """Whether it was done: refused with the code if there is one, and then nothing has changed."""
        before, refused = await self.world.look(), None
        try:
            await work
        except BatchError as error:
            refused = error.code
            assert asked_for(await self.world.look()) == asked_for(before)
        assert refused == code
        return refused is None

    def running(self, job_id: str) -> list[str]:
        numbers = [job.job_no for job in self.now_there.jobs if job.id == job_id]
        return [
            str(task.id)
            for task in self.now_there.tasks
            if task.job_no in numbers and task.state == "running"
        ]

    def state_of(self, job_id: str) -> str:
        return self.jobs[job_id].state if job_id in self.jobs else "gone"

    # -- what is asked

    @rule(job_id=IDS, pool=st.sampled_from((*POOLS, "nowhere")), ends=st.booleans())
    def add(self, job_id: str, pool: str, ends: bool) -> None:
        async def add() -> None:
            given = {"id": job_id, "poolInfo": {"poolId": pool}}
            given |= {"onAllTasksComplete": "terminatejob" if ends else "noaction"}
            body = codec.decode(msgspec.json.encode(given), BatchJobCreateOptions)
            taken = "JobExists" if job_id in self.jobs else None
            if await self.ask(jobs.add(self.acting, accept_job(body)), taken):
                self.jobs[job_id] = Job(pool=pool, ends_when_done=ends)
            await self.settle()

        self.run(add())

    @rule(job_id=IDS, count=st.integers(1, 4))
    def add_tasks(self, job_id: str, count: int) -> None:
        async def add() -> None:
            for _ in range(count):
                self.added += 1
                name = f"t{self.added}"
                body = BatchTaskCreateOptions(id=name, command_line="work")
                why_not = GONE.get(self.state_of(job_id))
                if await self.ask(tasks.add(self.acting, job_id, body), why_not):
                    self.jobs[job_id].tasks.add(name)
            await self.settle()

        self.run(add())

    @rule(job_id=IDS, option=st.sampled_from(("requeue", "terminate", "wait")))
    def disable(self, job_id: str, option: DisableOption) -> None:
        async def disable() -> None:
            state, run = self.state_of(job_id), self.running(job_id)
            if await self.ask(jobs.disable(self.acting, job_id, option, ALWAYS), GONE.get(state)):
                job = self.jobs[job_id]
                if option == "requeue":
                    job.requeues.update(run)
                elif option == "terminate":
                    job.over.update(run)
                if state == "active":
                    job.state = "disabling"
            await self.settle()

        self.run(disable())

    @rule(job_id=IDS)
    def enable(self, job_id: str) -> None:
        async def enable() -> None:
            state = self.state_of(job_id)
            why_not = GONE.get(state, None if state == "disabled" else "OperationInvalidForCurrentState")
            if await self.ask(jobs.enable(self.acting, job_id, ALWAYS), why_not):
                self.jobs[job_id].state = "active"
            await self.settle()

        self.run(enable())

    @rule(job_id=IDS, force=st.booleans())
    def terminate(self, job_id: str, force: bool) -> None:
        async def terminate() -> None:
            run = self.running(job_id)
            wanted = jobs.terminate(self.acting, job_id, "enough", ALWAYS, force=force)
            if await self.ask(wanted, GONE.get(self.state_of(job_id))):
                self.jobs[job_id].over.update(run)
                self.jobs[job_id].state = "completed"
            await self.settle()

        self.run(terminate())

    @rule(job_id=IDS, force=st.booleans())
    def delete(self, job_id: str, force: bool) -> None:
        async def delete() -> None:
            wanted = jobs.delete(self.acting, job_id, ALWAYS, force=force)
            if await self.ask(wanted, None if job_id in self.jobs else "JobNotFound"):
                del self.jobs[job_id]
            await self.settle()

        self.run(delete())

    @rule(job_id=IDS, pool=st.sampled_from((*POOLS, "nowhere")))
    def give_another_pool(self, job_id: str, pool: str) -> None:
        async def move() -> None:
            state = self.state_of(job_id)
            options = BatchJobUpdateOptions(pool_info=BatchPoolInfo(pool_id=pool))
            may = state == "disabled" or (job_id in self.jobs and self.jobs[job_id].pool == pool)
            why_not = GONE.get(state, None if may else "OperationInvalidForCurrentState")
            wanted = jobs.update(self.acting, job_id, lambda job: patched(job, options), ALWAYS)
            if await self.ask(wanted, why_not):
                self.jobs[job_id].pool = pool
            await self.settle()

        self.run(move())

    @rule(place=PLACES, what=st.sampled_from(("terminate", "delete")))
    def a_task_is_ended(self, place: int, what: str) -> None:
        async def end() -> None:
            known = [(name, task) for name, job in self.jobs.items() for task in sorted(job.tasks)]
            if known:
                job_id, task_id = known[place % len(known)]
                job = self.jobs[job_id]
                change = tasks.terminate if what == "terminate" else tasks.delete
                is_late = what == "terminate" and task_id in job.over
                if await self.ask(
                    change(self.acting, job_id, task_id, ALWAYS), "TaskCompleted" if is_late else None
                ):
                    job.over.add(task_id)
                    if what == "delete":
                        job.tasks.remove(task_id)
                        job.over.remove(task_id)
                        del job.requeues[task_id]
                await self.settle()

        self.run(end())

    # -- what happens

    @rule(place=PLACES)
    def a_task_ends(self, place: int) -> None:
        async def end() -> None:
            running = [(agent, one) for agent in self.world.engine.alive.values() for one in agent.running]
            if running:
                agent, order = running[place % len(running)]
                await agent.finish(order)
                self.jobs[order.job_id].over.add(order.task_id)
                await self.settle()

        self.run(end())

    @rule()
    def the_service_goes_before_it_hears(self) -> None:
        """Whatever is wanted of the jobs is stored while nobody owns their shards."""

        async def restart() -> None:
            await self.world.stop()
            for job_id, job in self.jobs.items():
                run = self.running(job_id)
                if job.state == "active":
                    await jobs.disable(self.acting, job_id, "requeue", ALWAYS)
                    job.requeues.update(run)
                    job.state = "disabling"
                elif job.state == "disabled":
                    await jobs.enable(self.acting, job_id, ALWAYS)
                    job.state = "active"
            await self.world.start()
            await self.settle()

        self.run(restart())

    # -- what holds

    @invariant()
    def jobs_are_as_the_model_says(self) -> None:
        look = self.now_there
        assert {job.id: job.state for job in look.jobs} == {
            name: job.state for name, job in self.jobs.items()
        }
        for row in look.jobs:
            job = self.jobs[str(row.id)]
            assert row.pool_id == job.pool
            if job.state != "completed":
                assert row.shard == pool_shard(str(row.account), job.pool)
            of_job = [task for task in look.tasks if task.job_no == row.job_no]
            assert {task.id for task in of_job} == job.tasks
            assert {task.id for task in of_job if task.state == "completed"} == job.over
            requeues = {task.id: task.requeue_count for task in of_job if task.requeue_count}
            assert requeues == {name: count for name, count in job.requeues.items() if count}
            assert all(task.retry_count == 0 for task in of_job)
            counted = Counter("active" if task.state == "leased" else task.state for task in of_job)
            sums: Counter[str] = Counter()
            for counts in look.counts:
                if counts.job_no == row.job_no:
                    told = {"active": counts.active, "running": counts.running}
                    sums.update(told | {"completed": counts.succeeded + counts.failed})
            assert +sums == +counted

    @invariant()
    def tasks_run_where_they_should(self) -> None:
        look = self.now_there
        pool_of = {
            node.id: pool.id for node in look.nodes for pool in look.pools if pool.pool_no == node.pool_no
        }
        for job_id, job in self.jobs.items():
            numbers = [row.job_no for row in look.jobs if row.id == job_id]
            runs = [task for task in look.tasks if task.job_no in numbers and task.state == "running"]
            assert not runs or job.state in ("active", "disabling")
            assert {pool_of[task.node_id] for task in runs} <= {job.pool}

    def teardown(self) -> None:
        """Whatever is left can be enabled, given a pool that is there, and run to its end."""
        try:
            self.run(self.finish())
        finally:
            self.run(self.world.stop(end_nodes=True))
            self.world.database.close()
            self.new.__exit__(None, None, None)
            self.loop.close()

    async def finish(self) -> None:
        await self.settle()
        for job_id, job in self.jobs.items():
            if job.state == "active":
                await jobs.disable(self.acting, job_id, "requeue", ALWAYS)
        await self.settle()
        for row in self.now_there.jobs:
            if row.state in ("disabling", "disabled"):
                await jobs.disable(self.acting, str(row.id), "requeue", ALWAYS)
        self.now_there = await self.world.quiet()
        options = BatchJobUpdateOptions(pool_info=BatchPoolInfo(pool_id="here"))
        for row in self.now_there.jobs:
            if row.state == "disabled":
                await jobs.update(self.acting, str(row.id), lambda job: patched(job, options), ALWAYS)
                await jobs.enable(self.acting, str(row.id), ALWAYS)
        self.now_there = await self.world.quiet()
        open_jobs = {job.job_no for job in self.now_there.jobs if job.state == "active"}
        while any(task.state != "completed" for task in self.now_there.tasks if task.job_no in open_jobs):
            for agent in [*self.world.engine.alive.values()]:
                for order in [*agent.running]:
                    await agent.finish(order)
            self.now_there = await self.world.quiet()


@pytest.mark.parametrize("examples", [1, pytest.param(40, marks=pytest.mark.endurance)])
def test_any_sequence_comes_to_what_the_model_says(databases: Databases, examples: int) -> None:
    AnySequence.databases = databases
    AnySequence.TestCase.settings = settings(
        max_examples=int(os.environ.get("BATCHITE_TEST_EXAMPLES", examples)),
        stateful_step_count=25,
        suppress_health_check=[*HealthCheck],
    )
    AnySequence.TestCase().runTest()
