"""Whatever is asked of a pool and its nodes, in any order, and whatever is killed meanwhile: everything comes
to the documented state, no core is leaked, no task is lost, and nothing runs that nobody knows of.

The model is small: how large the pool is to be, whether it is there, and which tasks were added. What is
stored is compared with it, with itself and with what really runs, after every step. BATCHITE_TEST_EXAMPLES
says how many sequences are tried.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.batch.service import acting
from tests.databases import Databases
from tests.dispatch.living import Look, World, sizes, waits
from tests.dispatch.troubled import PLACES, Troubled

from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions as jobs
from batchite.batch.nodes import changing
from batchite.batch.pools import actions as pools
from batchite.batch.pools import resizing
from batchite.batch.pools.resizing import Targets
from batchite.batch.tasks import actions as tasks
from batchite.resources.pools import Resizing
from batchite.resources.states import NODE
from batchite.resources.vacating import Option
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.validation.jobs import accept as accept_job
from batchite.wire.batch.validation.pools import accept as accept_pool
from batchite.wire.ticks import TICKS_PER_SECOND, Duration

ALWAYS = Conditions()
MINUTE = 60 * TICKS_PER_SECOND
WEEK = 7 * 24 * 60 * MINUTE
SLOTS = 2
CORES = 2
POOL = {
    "id": "pool",
    "vmSize": "Standard_D2s_v3",
    "taskSlotsPerNode": SLOTS,
    "virtualMachineConfiguration": {
        "imageReference": {
            "publisher": "canonical",
            "offer": "0001-com-ubuntu-server-jammy",
            "sku": "22_04-lts",
        },
        "nodeAgentSKUId": "batch.node.ubuntu 22.04",
    },
    "startTask": {"commandLine": "prepare", "waitForSuccess": True},
}
OPTIONS = st.sampled_from(("requeue", "terminate", "taskcompletion", "retaineddata"))
SHORT_OPTIONS = st.sampled_from(("requeue", "terminate", "taskcompletion"))
SIZES = st.integers(0, 3)
"""Of a node, or a task, among those that are there."""


def asked_for(look: Look) -> list[tuple[object, ...]]:
    """All that requests change of pools and nodes. What their owner writes, such as how a boot goes on, may
    change between two looks at any time."""
    pools = [(pool.pool_no, pool.definition, pool.modified, pool.auto_scale) for pool in look.pools]
    nodes = [(node.id, node.vacating, node.vacating_option, node.disabled) for node in look.nodes]
    return [*pools, *nodes]


class AnySequence(Troubled):
    databases: Databases
    """set by the test"""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.new = self.databases.new("batch")
        self.world = World(self.new.__enter__(), SLOTS)
        self.targets = Targets(0, 0)
        self.has_pool = False
        self.added = 0
        self.now_there: Look
        self.run(self.begin())

    async def begin(self) -> None:
        await self.world.start()
        await self.add_pool_now()
        job = {"id": "job", "poolInfo": {"poolId": "pool"}}
        body = codec.decode(msgspec.json.encode(job), BatchJobCreateOptions)
        await jobs.add(self.acting, accept_job(body))
        await self.settle()

    async def add_pool_now(self) -> None:
        given = POOL | {"targetDedicatedNodes": 1, "targetLowPriorityNodes": 1}
        await pools.add(
            self.acting, accept_pool(codec.decode(msgspec.json.encode(given), BatchPoolCreateOptions))
        )
        self.targets, self.has_pool = Targets(1, 1), True

    @property
    def acting(self) -> Acting:
        doer = acting(self.world.database, self.world.dispatch)
        return replace(doer, moment=self.world.clock.now())

    async def settle(self) -> None:
        self.now_there = await self.world.quiet()

    async def ask(self, work: Coroutine[Any, Any, object], *may_refuse: str) -> bool:
        """Whether it was done; refused it may be with these codes only, and then nothing has changed."""
        before = await self.world.look()
        refused: BatchError | None = None
        try:
            await work
        except BatchError as error:
            refused = error
        if refused is not None:
            after = await self.world.look()
            assert refused.code in may_refuse
            assert asked_for(after) == asked_for(before)
        await self.settle()
        return refused is None

    def node(self, place: int) -> str:
        there = self.now_there.nodes
        return str(there[place % len(there)].id) if there else "none"

    # -- what is asked

    @rule(count=st.integers(1, 4))
    def add_tasks(self, count: int) -> None:
        async def add() -> None:
            for _ in range(count):
                self.added += 1
                body = BatchTaskCreateOptions(id=f"t{self.added}", command_line="work")
                await tasks.add(self.acting, "job", body)
            await self.settle()

        self.run(add())

    @rule(place=PLACES, code=st.sampled_from((0, 0, 1)))
    def a_task_ends(self, place: int, code: int) -> None:
        async def end() -> None:
            running = [(agent, one) for agent in self.world.engine.alive.values() for one in agent.running]
            if running:
                agent, order = running[place % len(running)]
                await agent.finish(order, code)
                await self.settle()

        self.run(end())

    @rule(dedicated=st.none() | SIZES, low=SIZES, option=OPTIONS)
    def resize(self, dedicated: int | None, low: int, option: Option) -> None:
        how = Resizing(Duration.of(minutes=15), option)
        wanted = resizing.resize(self.acting, "pool", Targets(dedicated, low), how, ALWAYS)
        if self.run(self.ask(wanted, "PoolBeingResized", "PoolNotFound")):
            self.targets = Targets(self.targets.dedicated if dedicated is None else dedicated, low)

    @rule()
    def stop_resize(self) -> None:
        refusals = "OperationInvalidForCurrentState", "PoolNotFound"
        if self.run(self.ask(resizing.stop(self.acting, "pool", ALWAYS), *refusals)):
            (pool,) = self.now_there.pools
            assert pool.allocation_state == "steady"
            self.targets = self.sizes()

    @rule(place=PLACES, option=OPTIONS)
    def remove_a_node(self, place: int, option: Option) -> None:
        node_id = self.node(place)
        kinds = {node.id: node.dedicated for node in self.now_there.nodes}
        how = Resizing(Duration.of(minutes=15), option)
        wanted = resizing.remove_nodes(self.acting, "pool", [node_id], how, ALWAYS)
        if self.run(self.ask(wanted, "PoolBeingResized", "NodeNotFound", "PoolNotFound")):
            dedicated, low = self.targets
            assert dedicated is not None
            assert low is not None
            gone = kinds[node_id]
            self.targets = Targets(max(dedicated - gone, 0), max(low - (not gone), 0))

    @rule(place=PLACES, option=OPTIONS, what=st.sampled_from((changing.reboot, changing.deallocate)))
    def end_a_node(self, place: int, option: Option, what: Any) -> None:
        self.tell(what(self.acting, "pool", self.node(place), option))

    @rule(place=PLACES, option=OPTIONS)
    def reimage(self, place: int, option: Option) -> None:
        self.tell(changing.reimage(self.acting, "pool", self.node(place), option, of_any_pool=True))

    @rule(place=PLACES)
    def start(self, place: int) -> None:
        self.tell(changing.start(self.acting, "pool", self.node(place)))

    @rule(place=PLACES, option=SHORT_OPTIONS)
    def disable(self, place: int, option: Option) -> None:
        self.tell(changing.disable_scheduling(self.acting, "pool", self.node(place), option))

    @rule(place=PLACES)
    def enable(self, place: int) -> None:
        self.tell(changing.enable_scheduling(self.acting, "pool", self.node(place)))

    @rule(place=PLACES)
    def preempt(self, place: int) -> None:
        self.tell(changing.preempt(self.acting, "pool", self.node(place)))

    def tell(self, work: Coroutine[Any, Any, object]) -> None:
        states = (
            "OperationInvalidForCurrentState",
            "NodeAlreadyInTargetSchedulingState",
            "OperationNotValidOnNode",
            "NodeBeingCreated",
            "NodeBeingStarted",
            "NodeBeingRebooted",
            "NodeBeingReimaged",
        )
        self.run(self.ask(work, *states, "NodeNotFound", "PoolNotFound"))

    @rule()
    def delete_and_add_the_pool(self) -> None:
        async def delete() -> None:
            if self.has_pool:
                await pools.delete(self.acting, "pool", ALWAYS)
                self.targets, self.has_pool = Targets(0, 0), False
            else:
                await self.add_pool_now()
            await self.settle()

        self.run(delete())

    # -- what happens

    @rule(ticks=st.sampled_from((MINUTE, 20 * MINUTE, WEEK + MINUTE)))
    def time_passes(self, ticks: int) -> None:
        async def pass_() -> None:
            await self.world.pass_time(ticks)
            await self.settle()

        self.run(pass_())

    # -- what holds

    def sizes(self) -> Targets:
        return sizes(self.now_there.nodes)

    @invariant()
    def no_core_is_leaked(self) -> None:
        assert self.now_there.cores == CORES * len(self.now_there.nodes)

    @invariant()
    def no_task_is_lost(self) -> None:
        look = self.now_there
        assert len(look.tasks) == self.added
        counted = Counter("active" if task.state == "leased" else task.state for task in look.tasks)
        (counts,) = look.counts or (None,)
        if counts is not None:
            told = counts.active, counts.running, counts.succeeded + counts.failed
            assert told == (counted["active"], counted["running"], counted["completed"])
        there = {node.id: node for node in look.nodes}
        for task in look.tasks:
            if task.state in ("leased", "running"):
                assert NODE[there[task.node_id].state].runs

    @invariant()
    def the_pool_is_as_large_as_was_asked(self) -> None:
        look = self.now_there
        assert len(look.pools) == self.has_pool
        if not self.has_pool:
            assert not look.nodes
            return
        (pool,) = look.pools
        dedicated, low = self.targets
        if pool.allocation_state == "steady" and pool.resize_errors is None:
            assert self.sizes() == (dedicated, low)
        elif pool.allocation_state == "resizing":
            assert any(waits(node, look) for node in look.nodes)

    @invariant()
    def what_runs_is_known(self) -> None:
        runs = {node.id for node in self.now_there.nodes if NODE[node.state].runs}
        assert runs == self.world.engine.alive.keys()

    def teardown(self) -> None:
        """Everything that was wanted comes to its end."""
        try:
            self.run(self.finish())
        finally:
            self.run(self.world.stop(end_nodes=True))
            self.world.database.close()
            self.new.__exit__(None, None, None)
            self.loop.close()

    async def finish(self) -> None:
        if not self.has_pool:
            await self.add_pool_now()
            await self.settle()
        while any(task.state != "completed" for task in self.now_there.tasks):
            for agent in [*self.world.engine.alive.values()]:
                for order in [*agent.running]:
                    await agent.finish(order)
            await self.settle()
            if self.now_there.pools[0].allocation_state == "steady" and self.targets == (0, 0):
                how = Resizing(Duration.of(minutes=15), "requeue")
                await resizing.resize(self.acting, "pool", Targets(1, 0), how, ALWAYS)
                self.targets = Targets(1, 0)
            for node in self.now_there.nodes:
                if node.state == "deallocated":
                    await changing.start(self.acting, "pool", node.id)
                if node.disabled:
                    await changing.enable_scheduling(self.acting, "pool", node.id)
            await self.settle()
            await self.world.pass_time(WEEK + MINUTE)
            await self.settle()
        assert len(self.now_there.tasks) == self.added
        await pools.delete(self.acting, "pool", ALWAYS)
        await self.settle()
        assert (self.now_there.nodes, self.now_there.cores) == ([], 0)
        assert not self.world.engine.alive


@pytest.mark.parametrize("examples", [2, pytest.param(20, marks=pytest.mark.endurance)])
def test_any_sequence_comes_to_the_documented_state(databases: Databases, examples: int) -> None:
    AnySequence.databases = databases
    AnySequence.TestCase.settings = settings(
        max_examples=int(os.environ.get("BATCHITE_TEST_EXAMPLES", examples)),
        stateful_step_count=25,
        suppress_health_check=[*HealthCheck],
    )
    AnySequence.TestCase().runTest()
