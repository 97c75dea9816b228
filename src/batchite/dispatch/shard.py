"""The owner of one shard: reads what happened, lets the reactor decide, commits, then acts.

One turn at a time: while a commit is on its way to the disk the next inputs collect, and the next
turn takes them all. If a commit fails, memory is thrown away and read again, and nothing that was
decided has been sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from batchite.configuration.fidelity import Fidelity
from batchite.dispatch import committer, events, inputs, loading, reads
from batchite.dispatch.allocation import NOTHING, Allocation
from batchite.dispatch.effects import Effects
from batchite.dispatch.inputs import Frame, Input
from batchite.dispatch.loading import KnownNode, Stored
from batchite.dispatch.nodes import Nodes
from batchite.dispatch.settling import Settling
from batchite.link.messages import Acknowledge
from batchite.scheduling import jobs, pools, tasks
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import StartNode, StopNode
from batchite.scheduling.nodes import on_nodes_sent_home, settle_phases
from batchite.scheduling.placement import place
from batchite.scheduling.room import Limits
from batchite.scheduling.state import NodeState, ShardState
from batchite.store.batch import events as store
from batchite.store.batch import shards
from batchite.store.batch.shards import LeaseLostError, OwnedShard
from batchite.store.database import Database
from batchite.wire.ticks import Clock

RETRY_SECONDS = 0.5
"""Pause before a shard is loaded again after a commit failed."""

BUSY = 12
"""After a turn with so many messages of agents the next one waits for more to come together."""
GATHER_SECONDS = 0.002
"""Short beside the work that nodes have ahead; turns cost much the same however much they carry."""

log = logging.getLogger(__name__)


class Shard:
    """Runs until it is stopped, or has lost its lease, which `lost` is told.

    `limits` is asked at every commit what nodes have to keep within, `holds` at every turn whether the lease
    lasts.
    """

    def __init__(
        self,
        lease: OwnedShard,
        database: Database,
        clock: Clock,
        effects: Effects,
        nodes: Nodes,
        limits: Callable[[], Limits],
        fidelity: Fidelity,
        holds: Callable[[], bool],
        lost: Callable[[Shard], None],
    ) -> None:
        self.name = lease.shard
        self.account = lease.account
        self.epoch = lease.epoch
        self.state = ShardState()
        self.is_closing = False
        """about to be given up; what is asked of it meanwhile it may not hear"""
        self._lease = lease
        self._database = database
        self._clock = clock
        self._effects = effects
        self._nodes = nodes
        self._limits = limits
        self._fidelity = fidelity
        self._holds = holds
        self._lost = lost
        self._inbox: list[Input] = []
        self._look = True
        self._reports = 0
        """messages of agents in the last turn"""
        self._awake = asyncio.Event()
        self._resting = False
        """waiting for something to happen"""
        self._loaded = asyncio.Event()
        self._settling = Settling(self._is_pending)
        self._task: asyncio.Task[None] | None = None

    # -- called from outside, on the event loop

    def put(self, item: Input) -> None:
        """Something happened."""
        self._inbox.append(item)
        self._awake.set()

    def wake(self) -> None:
        """There may be new events."""
        self._look = True
        self._awake.set()

    async def settled(self, sequence: int) -> bool:
        """Wait until the event and what followed from it are on disk; False if this owner decides nothing any
        more."""
        return await self._settling.wait(sequence)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"shard {self.name}")

    async def loaded(self) -> None:
        """Wait until the shard knows its nodes: their agents can be told from strangers."""
        await self._loaded.wait()

    def fence(self, connection: sa.Connection) -> None:
        """Keep who is not the owner any more from writing. Raises LeaseLostError."""
        shards.hold(connection, self._lease)

    def give_up(self) -> None:
        """Decide nothing any more: the shard is another's. Whoever waits has to ask the store."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._loaded.set()
        self._settling.end()

    async def stop(self) -> None:
        """Decide nothing any more."""
        await self._halt()
        self._settling.end()

    async def _halt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def is_idle(self) -> bool:
        """There is nothing to do and nothing to be expected but events and due rows."""
        is_quiet = self._resting and not self._awake.is_set() and not self._settling.is_awaited
        return is_quiet and self.state.is_idle

    async def retire(self) -> bool:
        """Give an idle shard up. If there are events by now, or that fails, it goes on instead: False."""
        self.is_closing = True
        await self._halt()
        try:
            released = await self._database.write(lambda c: shards.release(c, self._lease))
        except LeaseLostError:
            return True
        except Exception:
            log.exception("shard %s could not be given up", self.name)
            released = False
        if not released:
            self.is_closing = False
            self.start()
        return released

    # -- the loop

    async def _run(self) -> None:
        while True:
            try:
                self._resting = False
                await self._load()
                while True:
                    self._resting = True
                    await self._awake.wait()
                    self._resting = False
                    if self._reports >= BUSY:
                        await asyncio.sleep(GATHER_SECONDS)
                    self._awake.clear()
                    await self._turn()
            except LeaseLostError:
                self._lost(self)
                return
            except Exception:
                log.exception("shard %s failed; its memory is read again", self.name)
                await self._effects.drop_links(list(self.state.nodes))
                self._inbox = [item for item in self._inbox if not isinstance(item, inputs.REPEATED)]
                await asyncio.sleep(RETRY_SECONDS)

    async def _load(self) -> None:
        """Begin with what the store says, and take up what was left to do."""
        stored = await self._database.read(self._read)
        self.state = stored.state
        self._nodes.know(self, stored.nodes)
        self._loaded.set()
        decisions, now = Decisions(), self._clock.now().ticks
        for node in self.state.nodes.values():
            if node.phase == "leavingpool":
                decisions.effects.append(StopNode(node.id))
            elif node.phase == "creating" and not stored.nodes[node.id].started:
                decisions.effects.append(StartNode(node.id))
        pools.on_pool_changed(self.state, self.state.pool, now, decisions)
        _take_up(stored, now, decisions)
        await self._carry_out(decisions, [], ())
        await self._nodes.adopt(self)
        self.wake()

    def _read(self, connection: sa.Connection) -> Stored:
        return loading.read(connection, self.name, self._fidelity)

    async def _turn(self) -> None:
        """One batch: everything that has come in."""
        if not self._holds():
            raise LeaseLostError(self.name)
        batch, self._inbox = self._inbox, []
        self._reports = sum(len(item.messages) for item in batch if isinstance(item, Frame))
        decisions = Decisions()
        consumed: Sequence[int] = ()
        if self._look:
            self._look = False
            consumed = await self._apply_events(decisions)
        now = self._clock.now().ticks
        for item in batch:
            inputs.apply(self.state, item, now, decisions)
        await self._carry_out(decisions, batch, consumed)

    async def _carry_out(self, decisions: Decisions, batch: list[Input], consumed: Sequence[int]) -> None:
        """Place, commit, act; again as long as that brings something new to decide."""
        while True:
            state = self.state
            now = self._clock.now().ticks
            place(state, decisions)
            if not decisions.changes and (wanted := decisions.take_reads()):
                # nothing uncommitted that the read would miss: one commit less until tasks start
                await reads.carry_out(self._database, state, wanted)
                place(state, decisions)
            settle_phases(state, now, decisions)
            allocation = await self._commit(decisions, consumed, now)
            self._acknowledge(batch)
            self._settling.advance(consumed, state.assignments)
            wanted = decisions.take_reads()
            self._effects.carry_out(self, decisions.effects)
            self._take(allocation)
            if not wanted:
                return
            batch, consumed, decisions = [], (), Decisions()
            await reads.carry_out(self._database, state, wanted)

    async def _commit(self, decisions: Decisions, consumed: Sequence[int], now: int) -> Allocation:
        changes = decisions.changes
        if not changes and not consumed:
            return NOTHING

        def unit(connection: sa.Connection) -> Allocation:
            self.fence(connection)
            store.consume(connection, consumed)
            return committer.apply(connection, self.account, self._limits(), self.name, changes, now)

        return await self._database.write(unit)

    def _take(self, allocation: Allocation) -> None:
        """New nodes are begun at once; whether more are wanted is decided when all news has been heard."""
        pool = self.state.pool
        if pool is None or not allocation:
            return
        new = {node.id: KnownNode(node.number, None, None, None) for node in allocation.nodes}
        self._nodes.know(self, new)
        decisions = Decisions()
        nodes = [
            NodeState(node.number, node.id, node.dedicated, pool.rules.slots_per_node, "creating", "creating")
            for node in allocation.nodes
        ]
        pools.on_nodes_added(self.state, nodes, decisions)
        self._effects.carry_out(self, decisions.effects)
        self.put(inputs.Allocated(allocation.refusal))

    async def _apply_events(self, decisions: Decisions) -> Sequence[int]:
        """Decide about what API operations changed; the numbers of the events."""
        found, news = await self._database.read(lambda connection: events.read(connection, self.name))
        if len(found) == events.MOST:
            self.wake()
        now = self._clock.now().ticks
        for one in news:
            events.apply(self.state, one, now, decisions)
        for event in found:
            if event.kind == "task" and event.subject in self.state.assignments:
                self._settling.put_off(event.sequence, event.subject)
        return [event.sequence for event in found]

    async def _is_pending(self, sequence: int) -> bool:
        return await self._database.look(lambda connection: store.is_pending(connection, sequence))

    # -- afterwards

    def _acknowledge(self, batch: list[Input]) -> None:
        last: dict[str, int] = {}
        for item in batch:
            if isinstance(item, Frame) and (report := inputs.last_report(item.messages)):
                last[item.node] = report
        for node, report in last.items():
            self._effects.send(node, Acknowledge(report))

    # -- a clean end

    async def send_home(self) -> int:
        """The shard's nodes have been ended in order: they boot again later, and their tasks wait for that,
        but for those that were to end. Goes by the store: memory may be ahead of it. Returns how many tasks
        were interrupted."""
        now = self._clock.now().ticks

        def unit(connection: sa.Connection) -> int:
            self.fence(connection)
            stored, decisions = self._read(connection), Decisions()
            _take_up(stored, now, decisions)
            on_nodes_sent_home(stored.state, now, decisions)
            committer.apply(connection, self.account, self._limits(), self.name, decisions.changes, now)
            return sum(task.was == "running" for task in decisions.changes.requeued.values())

        return await self._database.write(unit)


def _take_up(stored: Stored, now: int, decisions: Decisions) -> None:
    """Jobs that end and tasks that are to end, wherever their events have been read already."""
    for job in list(stored.state.jobs.values()):
        jobs.on_job_changed(stored.state, job, now, decisions)
    for row in stored.intents:
        tasks.on_task_intent(stored.state, loading.intended_task(row), now, decisions)
