"""A service whose nodes live: agents that boot, run tasks until they are told to end, and outlive it.

Unlike those of `support` they need no script: whatever is asked of them they do, by the rules of the link.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from tests.dispatch.support import PATIENCE, StepClock, dispatch_with, rows
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from batchite.batch.pools.resizing import Targets
from batchite.configuration.fidelity import Fidelity
from batchite.dispatch.service import Dispatch
from batchite.engines.base import GRACE_SECONDS, Handle, Lost, Outcome, Pace, Taken
from batchite.engines.registry import Kind
from batchite.link import framing
from batchite.link import messages as link
from batchite.link.spec import NodeSpec
from batchite.resources import states
from batchite.resources.keys import pool_shard
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.web.listener import Listener, bind
from batchite.wire.batch.vm_sizes import VmSize

FIDELITY = Fidelity(preemption_absence=600)


class LivingAgent:
    """Begins what it is given as slots are free, and ends it when it is told; keeps reports until they are
    acknowledged, and says them again to whoever answers next."""

    def __init__(self, spec: NodeSpec, slots: int) -> None:
        self._spec = spec
        self.free = slots
        self._waiting: list[link.Run] = []
        self._reports: list[link.Report] = []
        self._number = 0
        self._start_task = 0
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._is_welcome = False
        self.running: list[link.Run] = []
        self.is_stubborn = False
        """whether it ends nothing that it is told to end"""

    async def come(self, url: str) -> None:
        """Speak to the service at that URL, from now on."""
        await self.go()
        held = {link.key_of(one) for one in (*self._waiting, *self.running, *self._reports)}
        hello = link.Hello(
            link.PROTOCOL,
            "0",
            1,
            tuple(held),
        )
        self._socket = await connect(
            f"{url.replace('http', 'ws')}/-/nodes/{self._spec.node_id}/link",
            additional_headers={"Authorization": f"Bearer {self._spec.token}"},
            compression=None,
            proxy=None,
        )
        await self._send(hello, *self._reports)
        self._reader = asyncio.create_task(self._read(self._socket))

    async def go(self) -> None:
        """Speak to nobody."""
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            await self._socket.close()
        self._socket = self._reader = None
        self._is_welcome = False

    @property
    def is_cut_off(self) -> bool:
        return self._reader is None or self._reader.done()

    @property
    def is_heard(self) -> bool:
        """All that it has said has come to the service, and what it reports is stored."""
        return self._is_welcome and not self._reports and not self.is_cut_off

    async def finish(self, order: link.Run, code: int = 0) -> None:
        """The task comes to its end by itself."""
        await self._end(order, code, None)

    async def _end(self, order: link.Run, code: int | None, failure: link.Failure | None) -> None:
        began = order in self.running
        (self.running if began else self._waiting).remove(order)
        self.free += order.slots if began else 0
        started = 100 if began else None
        await self._report(link.RunEnded, order.number, order.attempt, started, 200, code, failure)
        await self._begin()

    async def _begin(self) -> None:
        while self._waiting and self._waiting[0].slots <= self.free:
            order = self._waiting.pop(0)
            self.free -= order.slots
            self.running.append(order)
            await self._report(link.RunStarted, order.number, order.attempt, 100)

    async def _report(self, kind: type[link.Report], *values: object) -> None:
        self._number += 1
        report = kind(self._number, *values)
        self._reports.append(report)
        await self._send(report)

    async def _send(self, *messages: link.Message) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):  # said again to the next
                await self._socket.send(framing.encode(messages))

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                assert isinstance(frame, bytes)
                for message in framing.to_agent.decode(frame):
                    await self._hear(message)

    async def _hear(self, message: link.ToAgent) -> None:
        match message:
            case link.Welcome():
                self._is_welcome = True
            case link.Acknowledge(report):
                self._reports = [one for one in self._reports if one.report > report]
            case link.Run(kind="starttask", attempt=attempt) if attempt > self._start_task:
                self._start_task = attempt
                await self._report(link.RunStarted, 0, attempt, 100, "starttask")
                await self._report(link.RunEnded, 0, attempt, 100, 200, 0, None, "", None, None, "starttask")
            case link.Run(kind="task") if not self._knows(message.number, message.attempt):
                self._waiting.append(message)
                await self._begin()
            case link.EndRun(task, attempt, failure) if not self.is_stubborn:
                if order := self._held(task, attempt):
                    await self._end(order, None, failure)
                elif not self._knows(task, attempt):
                    await self._report(link.RunEnded, task, attempt, None, 200, None, failure)
            case link.RecallRun(task, attempt):
                for order in [one for one in self._waiting if (one.number, one.attempt) == (task, attempt)]:
                    self._waiting.remove(order)
                    await self._report(link.RunReturned, task, attempt)
            case _:
                pass

    def _held(self, task: int, attempt: int) -> link.Run | None:
        here = [*self._waiting, *self.running]
        return next((one for one in here if (one.number, one.attempt) == (task, attempt)), None)

    def _knows(self, task: int, attempt: int) -> bool:
        told = ((one.number, one.attempt) for one in self._reports if isinstance(one, link.RunEnded))
        return self._held(task, attempt) is not None or (task, attempt) in told


class LivingEngine:
    """Its nodes go on when the service goes."""

    pace = Pace(8, 4)

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self.url = ""
        self.lost: Lost = lambda _node, _reason: None
        self.alive: dict[str, LivingAgent] = {}
        self.under_way = 0
        """how many requests"""

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    async def start(self, specs: Sequence[NodeSpec], size: VmSize) -> Mapping[str, Outcome]:
        with self._at_work():
            for spec in specs:
                assert spec.node_id not in self.alive, "a node is started that runs"
                agent = self.alive[spec.node_id] = LivingAgent(spec, self._slots)
                await agent.come(self.url)
        return {spec.node_id: Taken(Handle(f"handle of {spec.node_id}"), False) for spec in specs}

    def prepare(self) -> None:
        return None

    async def stop(
        self,
        node_id: str,
        handle: Handle | None,
        *,
        keep_files: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> None:
        with self._at_work():
            if (agent := self.alive.pop(node_id, None)) is not None:
                await agent.go()

    async def kill(self, node_id: str) -> None:
        """The node ends, which nobody wanted."""
        await self.alive.pop(node_id).go()
        self.lost(node_id, "it was killed")

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        for node_id in handles:
            if node_id not in self.alive:
                self.lost(node_id, "it is not there")

    async def log(self, node_id: str, handle: Handle | None, most_bytes: int) -> str | None:
        return None

    async def close(self) -> None:
        return None


@dataclass(frozen=True)
class Look:
    """What is stored, at one moment."""

    pools: list[sa.Row[tuple[object, ...]]]
    nodes: list[sa.Row[tuple[object, ...]]]
    tasks: list[sa.Row[tuple[object, ...]]]
    counts: list[sa.Row[tuple[object, ...]]]
    jobs: list[sa.Row[tuple[object, ...]]]
    cores: int
    events: int
    paused: frozenset[int] = frozenset()
    """tasks that wait before they are retried"""


class World:
    """A service that can be ended and started again, and the nodes of its one engine."""

    def __init__(self, url: str, slots: int = 1) -> None:
        self.database = Database(url)
        self.clock = StepClock()
        self.engine = LivingEngine(slots)
        self.dispatch: Dispatch
        self._listener: Listener

    async def start(self) -> None:
        def make(_: Path, lost: Lost) -> LivingEngine:
            self.engine.lost = lost
            return self.engine

        self.dispatch = dispatch_with(
            self.database, {"local": Kind(make)}, clock=self.clock, fidelity=FIDELITY, lease=None
        )
        sock = bind("127.0.0.1", 0)
        self._listener = Listener(self.dispatch.link_app, sock)
        self.engine.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        await self.dispatch.start()
        await self._listener.start()

    async def stop(self, *, end_nodes: bool = False) -> None:
        await self.dispatch.stop(end_nodes=end_nodes)
        await self._listener.stop()

    async def pass_time(self, ticks: int) -> None:
        self.clock.ticks += ticks
        await self.dispatch.run_once()

    async def look(self) -> Look:
        def read(connection: sa.Connection) -> Look:
            def all_of(table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
                return list(connection.execute(sa.select(table).order_by(*table.primary_key)))

            cores = connection.execute(sa.select(sa.func.sum(schema.core_usage.c.cores))).scalar()
            tables = schema.pools, schema.nodes, schema.tasks, schema.task_counts, schema.jobs
            paused = frozenset(one.subject for one in all_of(schema.due) if one.kind == "task-retry")
            return Look(*map(all_of, tables), int(cores or 0), len(all_of(schema.events)), paused)

        return await self.database.read(read)

    def _is_calm(self, found: Look) -> bool:
        """Nobody does anything that would be seen later only, and what is stored needs nothing done."""
        owners = self.dispatch.shards.values()
        if self.engine.under_way or not all(owner.rests for owner in owners):
            return False
        are_heard = all(agent.is_heard for agent in self.engine.alive.values())
        return are_heard and not found.events and not _goes_on(found, self.engine)

    async def quiet(self) -> Look:
        """Until nothing goes on that does not wait for a task, or for time to pass."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for agent in [*self.engine.alive.values()]:
                    if agent.is_cut_off:
                        with contextlib.suppress(Exception):  # another service, or none yet, answers there
                            await agent.come(self.engine.url)
                for event in await rows(self.database, schema.events):
                    await self.dispatch.settled(event.shard, event.sequence, PATIENCE)
                found = await self.look()
                if self._is_calm(found) and found == await self.look() and self._is_calm(found):
                    return found  # what is stored and what runs are looked at in turn: neither has gone on
                await asyncio.sleep(0.002)


def _goes_on(look: Look, engine: LivingEngine) -> bool:
    if any(_job_goes_on(job, look) for job in look.jobs):
        return True
    return any(map(_pool_goes_on, look.pools, [look] * len(look.pools))) or _nodes_go_on(look, engine)


def _job_goes_on(job: sa.Row[tuple[object, ...]], look: Look) -> bool:
    """Unless it waits for tasks to come to their own end."""
    if job.state in ("enabling", "terminating", "deleting"):
        return True
    if job.state == "disabled":
        return bool(job.shard != pool_shard(job.account, job.pool_id))
    of_job = [task for task in look.tasks if task.job_no == job.job_no]
    runs = any(task.state == "running" for task in of_job)
    return job.state == "disabling" and (job.tasks_option != "wait" or not runs)


def _pool_goes_on(pool: sa.Row[tuple[object, ...]], look: Look) -> bool:
    if pool.state == "deleting" or pool.allocation_state == "stopping":
        return True
    if pool.allocation_state == "steady":
        return pool.resize_errors is None and not _has_its_size(pool, look)  # one is lost, and not yet missed
    return pool.allocation_state == "resizing" and not any(waits(node, look) for node in look.nodes)


def _has_its_size(pool: sa.Row[tuple[object, ...]], look: Look) -> bool:
    own = (node for node in look.nodes if node.pool_no == pool.pool_no)
    return bool(sizes(own) == (pool.target_dedicated, pool.target_low_priority))


def sizes(nodes: Iterable[sa.Row[tuple[object, ...]]]) -> Targets:
    """How many of them stay."""
    kinds = Counter(node.dedicated for node in nodes if node.state != "leavingpool")
    return Targets(kinds[True], kinds[False])


def _nodes_go_on(look: Look, engine: LivingEngine) -> bool:
    for node in look.nodes:
        if states.NODE[node.state].runs != (node.id in engine.alive):
            return True
        if waits(node, look):
            continue
        if node.vacating not in (None, "disable") or states.NODE[node.state].begins:
            return True
        if node.state in ("leavingpool", "deallocating", "waitingforstarttask"):
            return True
    return _places(look, engine) or not _agrees(look, engine)


def _places(look: Look, engine: LivingEngine) -> bool:
    """Whether a task waits and a node has a slot for it."""
    shards = {pool.pool_no: pool.shard for pool in look.pools}
    taking = [node for node in look.nodes if node.state in ("idle", "running") and not node.disabled]
    free = {shards[node.pool_no] for node in taking if node.id in engine.alive and engine.alive[node.id].free}
    starting = {job.job_no for job in look.jobs if job.state == "active" and job.shard in free}
    waiting = (task for task in look.tasks if task.state in ("active", "leased"))
    return any(task.job_no in starting and task.task_no not in look.paused for task in waiting)


def waits(node: sa.Row[tuple[object, ...]], look: Look) -> bool:
    """Whether the node takes no more tasks, and waits for those that it has, or for their files' time."""
    if node.vacating is None or node.vacating_option in ("requeue", "terminate"):
        return False
    has_tasks = any(task.node_id == node.id for task in look.tasks if task.state in ("leased", "running"))
    return has_tasks or (node.vacating_option == "retaineddata" and _retains(node, look))


def _retains(node: sa.Row[tuple[object, ...]], look: Look) -> bool:
    """Whether a task has run there, whose files may be kept."""
    return any(task.node_id == node.id for task in look.tasks if task.started is not None)


def _agrees(look: Look, engine: LivingEngine) -> bool:
    """Whether what agents run is what is stored as running."""
    stored = {(task.node_id, task.task_no) for task in look.tasks if task.state == "running"}
    real = {(name, one.number) for name, agent in engine.alive.items() for one in agent.running}
    return stored == real
