"""A shard on a real database, with a scripted engine and scripted agents instead of processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from websockets.asyncio.client import connect

from batchite.configuration.accounts import Accounts, BatchAccount
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import Scheduling
from batchite.dispatch.ownership import LEASE
from batchite.dispatch.service import Dispatch
from batchite.dispatch.surroundings import this_machine
from batchite.engines.base import GRACE_SECONDS, Handle, Lost, Outcome, Pace, Taken
from batchite.engines.registry import Engines, Kind
from batchite.link import framing
from batchite.link import messages as link
from batchite.link.spec import NodeImage, NodeSpec
from batchite.resources.keys import pool_shard
from batchite.resources.rules import JobRules, PoolRules, encode
from batchite.store.batch import events, schema
from batchite.store.database import Database
from batchite.web.listener import Listener, bind
from batchite.wire.batch.outcome import Failure
from batchite.wire.batch.vm_sizes import VmSize
from batchite.wire.ticks import Duration, Timestamp

M = TypeVar("M", bound=link.Message)

ACCOUNT = "devbatch"
SHARD = pool_shard(ACCOUNT, "pool")
PATIENCE = 60.0
"""Seconds that anything may take which is waited for."""
TERMINATES = encode(JobRules(terminates_when_done=True))
"""Rules of a job that ends with its tasks."""


class StepClock:
    """Later by one tick at every look, further only when told."""

    def __init__(self) -> None:
        self.ticks = 17_000_000_000_000_000

    def now(self) -> Timestamp:
        self.ticks += 1
        return Timestamp(self.ticks)


class ScriptedEngine:
    """Remembers what was asked of it."""

    pace = Pace(8, 4)
    is_pending = False
    """whether nodes wait for their machines"""

    def __init__(self, lost: Lost) -> None:
        self.lost = lost
        self.started: dict[str, NodeSpec] = {}
        self.batches: list[list[str]] = []
        """ids of the nodes asked for in one call"""
        self.sizes: set[VmSize] = set()
        self.stopped: list[str] = []
        self.killed: list[str] = []
        self.adopted: dict[str, Handle | None] = {}

    def prepare(self) -> None:
        return None

    async def start(self, specs: Sequence[NodeSpec], size: VmSize) -> Mapping[str, Outcome]:
        self.batches.append([spec.node_id for spec in specs])
        self.sizes.add(size)
        return {spec.node_id: self._start(spec) for spec in specs}

    def _start(self, spec: NodeSpec) -> Outcome:
        self.started[spec.node_id] = spec
        return Taken(Handle(f"handle of {spec.node_id}"), self.is_pending)

    async def stop(
        self,
        node_id: str,
        handle: Handle | None,
        *,
        keep_files: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> None:
        (self.stopped if grace else self.killed).append(node_id)

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        self.adopted.update(handles)

    async def log(self, node_id: str, handle: Handle | None, most_bytes: int) -> str | None:
        return f"{node_id} by the {handle}"[-most_bytes:]

    async def close(self) -> None:
        return None


def make_dispatch(
    database: Database,
    quota: int | None = None,
    engine: type[ScriptedEngine] = ScriptedEngine,
    *,
    clock: StepClock | None = None,
    fidelity: Fidelity | None = None,
    scheduling: Scheduling | None = None,
    max_nodes: int | None = None,
    lease: Duration | None = LEASE,
) -> tuple[Dispatch, ScriptedEngine]:
    engines: list[ScriptedEngine] = []

    def make(_: Path, lost: Lost) -> ScriptedEngine:
        engines.append(engine(lost))
        return engines[-1]

    dispatch = dispatch_with(
        database,
        {"local": Kind(make)},
        quota,
        clock=clock,
        fidelity=fidelity,
        scheduling=scheduling,
        max_nodes=max_nodes,
        lease=lease,
    )
    return dispatch, engines[0]


def dispatch_with(
    database: Database,
    kinds: Mapping[str, Kind],
    quota: int | None = None,
    *,
    clock: StepClock | None = None,
    fidelity: Fidelity | None = None,
    scheduling: Scheduling | None = None,
    max_nodes: int | None = None,
    lease: Duration | None = LEASE,
    node_image: Callable[[str], NodeImage] = this_machine,
) -> Dispatch:
    """Over these engines, none of which looks at the data directory."""
    accounts = Accounts((BatchAccount(ACCOUNT, ("a2V5",), None, quota),), ())
    return Dispatch(
        database,
        accounts,
        clock or StepClock(),
        lambda lost: Engines(kinds, Path(), lost),
        service_url="http://127.0.0.1:1",
        account_url="http://127.0.0.1:1",
        environment={},
        node_image=node_image,
        fidelity=fidelity or Fidelity(),
        scheduling=scheduling or Scheduling(),
        lease=lease,
        max_nodes=max_nodes,
    )


@asynccontextmanager
async def running(dispatch: Dispatch, *, end_nodes: bool = False) -> AsyncIterator[str]:
    """The dispatch at work, its link server at the URL; stopped with or without its nodes in the end."""
    sock = bind("127.0.0.1", 0)
    listener = Listener(dispatch.link_app, sock)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    await dispatch.start()
    await listener.start()
    try:
        yield url
    finally:
        await dispatch.stop(end_nodes=end_nodes)
        await listener.stop()


def add_pool(
    connection: sa.Connection, nodes: int, *, slots: int = 1, pool_id: str = "pool", **changes: object
) -> int:
    shard = pool_shard(ACCOUNT, pool_id)
    row = {
        "account": ACCOUNT,
        "key": pool_id,
        "id": pool_id,
        "shard": shard,
        "definition": b"{}",
        "rules": encode(PoolRules(slots_per_node=slots)),
        "state": "active",
        "state_time": 1,
        "allocation_state": "resizing",
        "allocation_state_time": 17_000_000_000_000_000,
        "created": 1,
        "modified": 1,
        "vm_size": "standard_d2s_v3",
        "node_cores": 2,
        "inter_node": False,
        "auto_scale": False,
        "target_dedicated": nodes,
        "target_low_priority": 0,
        "resize_timeout": 9_000_000_000,
    } | changes
    number: int = connection.execute(
        sa.insert(schema.pools).returning(schema.pools.c.pool_no), row
    ).scalar_one()
    events.append(connection, shard, "pool", number)
    return number


def add_job(connection: sa.Connection, job_id: str = "job", **changes: object) -> int:
    row = {
        "account": ACCOUNT,
        "key": job_id,
        "id": job_id,
        "shard": SHARD,
        "pool_id": "pool",
        "definition": b"{}",
        "rules": encode(JobRules()),
        "state": "active",
        "state_time": 1,
        "created": 1,
        "modified": 1,
        "started": 1,
    } | changes
    number: int = connection.execute(sa.insert(schema.jobs).returning(schema.jobs.c.job_no), row).scalar_one()
    events.append(connection, SHARD, "job", number)
    return number


def add_tasks(connection: sa.Connection, job: int, count: int, first: int = 0, **changes: object) -> int:
    """Returns the sequence number of the event."""
    rows = (
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
            **changes,
        }
        for number in range(first, first + count)
    )
    connection.execute(sa.insert(schema.tasks), list(rows))
    counts = {"job_no": job, "required_slots": 1, "active": 0, "running": 0, "succeeded": 0, "failed": 0}
    of_job = schema.task_counts.c.job_no == job
    if connection.execute(sa.select(schema.task_counts).where(of_job)).first() is None:
        connection.execute(sa.insert(schema.task_counts), counts)
    connection.execute(
        sa.update(schema.task_counts).where(of_job).values(active=schema.task_counts.c.active + count)
    )
    return events.append(connection, SHARD, "tasks", job)


async def add_work(database: Database, *, nodes: int, tasks: int) -> int:
    """A pool of so many nodes with a job of so many tasks, whose number this is."""

    def add(connection: sa.Connection) -> int:
        add_pool(connection, nodes)
        job = add_job(connection)
        add_tasks(connection, job, tasks)
        return job

    return await database.write(add)


def intend(connection: sa.Connection, intent: str, *numbers: int) -> int:
    """Somebody wants these tasks ended or gone; the sequence number of the last event."""
    chosen = schema.tasks.c.task_no.in_(numbers)
    connection.execute(sa.update(schema.tasks).values(intent=intent).where(chosen))
    return [events.append(connection, SHARD, "task", number) for number in numbers][-1]


def change_job(connection: sa.Connection, job: int, state: str) -> int:
    """The sequence number of the event."""
    connection.execute(sa.update(schema.jobs).values(state=state).where(schema.jobs.c.job_no == job))
    return events.append(connection, SHARD, "job", job)


async def rows(database: Database, table: sa.Table) -> list[Any]:
    return await database.read(lambda c: list(c.execute(sa.select(table).order_by(*table.primary_key))))


async def counts(database: Database) -> tuple[int, int, int, int]:
    """active, running, succeeded, failed of the only counters there are"""
    (row,) = await rows(database, schema.task_counts)
    return row.active, row.running, row.succeeded, row.failed


async def connect_all(
    stack: AsyncExitStack, url: str, engine: ScriptedEngine, nodes: int, *, runs_tasks: bool = True
) -> list[ScriptedAgent]:
    await until(lambda: len(engine.started) == nodes)
    agents = [ScriptedAgent(url, spec, runs_tasks=runs_tasks) for spec in engine.started.values()]
    return [await stack.enter_async_context(agent) for agent in agents]


async def settled(dispatch: Dispatch, database: Database) -> None:
    """Until everything that API operations changed so far is decided and stored."""
    for event in await rows(database, schema.events):
        assert await dispatch.settled(event.shard, event.sequence, PATIENCE)


class ScriptedAgent:
    """Speaks for a node over a real WebSocket; what it is told to run ends at once with `code`."""

    def __init__(
        self,
        url: str,
        spec: NodeSpec,
        *,
        start_task_attempt: int = 0,
        first_frame: bytes | None = None,
        runs_tasks: bool = True,
        **about: str,
    ) -> None:
        held = (link.RunKey(0, start_task_attempt, "starttask"),) if start_task_attempt else ()
        hello = link.Hello(link.PROTOCOL, "0", 1, held, **about)  # type: ignore[arg-type]
        self._first_frame = first_frame or framing.encode([hello])
        self._url = f"{url.replace('http', 'ws')}/-/nodes/{spec.node_id}/link"
        self._token = spec.token
        self._report = 0
        self._begun: set[tuple[str, int]] = set()
        self.runs: list[link.Run] = []
        self.other: list[link.ToAgent] = []
        self.acknowledged = 0
        self.runs_tasks = runs_tasks
        self.moment = 100
        """when what it runs begins"""

    async def __aenter__(self) -> ScriptedAgent:
        headers = {"Authorization": f"Bearer {self._token}"}
        self._socket = await connect(
            self._url, additional_headers=headers, compression=None, proxy=None, max_size=None
        )
        await self.send_frame(self._first_frame)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self._socket.close()

    @property
    def is_cut_off(self) -> bool:
        """The service has closed the link."""
        return self._reader.done()

    def heard(self, kind: type[M]) -> list[M]:
        return [message for message in self.other if isinstance(message, kind)]

    async def send(self, *messages: link.Message) -> None:
        await self.send_frame(framing.encode(messages))

    async def send_frame(self, frame: bytes) -> None:
        await self._socket.send(frame)

    async def begin(self, order: link.Run) -> None:
        self._begun.add((order.kind, order.number))
        await self.send(link.RunStarted(self._next(), order.number, order.attempt, self.moment, order.kind))

    async def end(self, order: link.Run, code: int | None = 0, *, took: int = 100) -> None:
        """What ran did so for so many ticks, now or since `begin`."""
        if (order.kind, order.number) not in self._begun:
            await self.begin(order)
        self._begun.remove((order.kind, order.number))
        failure = None if code == 0 else Failure("usererror", "FailureExitCode", f"exit code {code}")
        of_run = order.number, order.attempt, self.moment, self.moment + took, code, failure
        await self.send(link.RunEnded(self._next(), *of_run, kind=order.kind))

    def _next(self) -> int:
        self._report += 1
        return self._report

    async def _read(self) -> None:
        async for frame in self._socket:
            assert isinstance(frame, bytes)
            for message in framing.to_agent.decode(frame):
                if isinstance(message, link.Run) and message.kind == "task":
                    self.runs.append(message)
                    if self.runs_tasks:
                        await self.end(message)
                elif isinstance(message, link.Acknowledge):
                    self.acknowledged = message.report
                else:
                    self.other.append(message)


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for something that another task of this loop brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.002)


async def until_stored(
    database: Database, table: sa.Table, condition: Callable[[list[Any]], bool]
) -> list[Any]:
    """Wait until the table's rows are such; returns them."""
    async with asyncio.timeout(PATIENCE):
        while not condition(found := await rows(database, table)):  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.002)
    return found


async def state_is(database: Database, *states: str) -> None:
    """Wait until the first node is in one of the states."""
    await until_stored(database, schema.nodes, lambda nodes: bool(nodes) and nodes[0].state in states)
