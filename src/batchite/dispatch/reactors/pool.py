"""The shard of a pool: what is decided about the pool, its nodes, its jobs and their tasks."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import sqlalchemy as sa

from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import Scheduling
from batchite.dispatch import committer, events, inputs, loading, reads
from batchite.dispatch.allocation import Allocation
from batchite.dispatch.committer import Outcome
from batchite.dispatch.effects import Effects
from batchite.dispatch.inbox import Inbox
from batchite.dispatch.inputs import Frame, Input, JobPurged, Look
from batchite.dispatch.loading import KnownNode, Stored
from batchite.dispatch.nodes import Nodes
from batchite.dispatch.reactors.base import Heard
from batchite.link.messages import Acknowledge
from batchite.resources.vacating import REMOVED
from batchite.scheduling import (
    brake,
    forcing,
    jobs,
    pools,
    preparation,
    release,
    restarts,
    retention,
    scaling,
    tasks,
    vacating,
)
from batchite.scheduling.changes import Changes
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import StartNode
from batchite.scheduling.nodes import on_nodes_sent_home, settle_phases
from batchite.scheduling.placement import place
from batchite.scheduling.room import Limits
from batchite.scheduling.state import NodeState, ShardState
from batchite.store.batch import shards
from batchite.store.batch.releasing import Released
from batchite.store.batch.shards import OwnedShard
from batchite.store.database import Database
from batchite.store.groups import Unit
from batchite.wire.ticks import Clock

FLOOD = 12
"""Messages of agents in one turn, after which the next one waits for more to come together."""


class PoolReactor:
    """Implements `Reactor`, and is the `Target` of what happens on the shard's behalf.

    `limits` is asked at every commit what nodes have to keep within.
    """

    def __init__(
        self,
        lease: OwnedShard,
        database: Database,
        clock: Clock,
        inbox: Inbox,
        effects: Effects,
        nodes: Nodes,
        limits: Callable[[], Limits],
        fidelity: Fidelity,
        scheduling: Scheduling,
    ) -> None:
        self.name = lease.shard
        self.account = lease.account
        self.state = ShardState()
        self._lease = lease
        self._database = database
        self._clock = clock
        self._inbox = inbox
        self._effects = effects
        self._nodes = nodes
        self._limits = limits
        self._fidelity = fidelity
        self._scheduling = scheduling
        self._decisions = Decisions()
        """what is not stored yet"""
        self._reports: dict[str, int] = {}
        """by node, the last that was heard and is not acknowledged yet"""
        self._messages = 0
        """of agents in the last turn"""

    # -- the target of nodes and effects

    def put(self, item: Input) -> None:
        self._inbox.put(item)

    def fence(self, connection: sa.Connection) -> None:
        shards.hold(connection, self._lease)

    # -- a reactor

    @property
    def is_idle(self) -> bool:
        return self.state.is_idle

    @property
    def is_flooded(self) -> bool:
        return self._messages >= FLOOD

    @property
    def unended(self) -> Container[int]:
        """Tasks that nodes have."""
        return self.state.assignments

    async def load(self) -> None:
        stored = await self._database.read(self._read)
        self.state = stored.state
        self._decisions, self._reports = Decisions(), {}
        self._nodes.know(self, stored.nodes)
        decisions, now = self._decisions, self._clock.now().ticks
        for node in self.state.nodes.values():
            known = stored.nodes[node.id]
            comes_again = node.is_leaving and node.vacating != REMOVED and not known.is_begun
            if comes_again or (restarts.is_to_begin(node) and not known.started):
                decisions.effects.append(StartNode(node.id))
            elif node.phase == "unusable":
                brake.resume(node, decisions)
        pools.on_pool_changed(self.state, self.state.pool, now, decisions)
        _take_up(stored, now, decisions)

    async def begin(self) -> None:
        await self._nodes.adopt(self)

    async def hear(self) -> Heard:
        share_by = self._scheduling.share_by
        found, news = await self._database.read(
            lambda connection: events.read(connection, self.name, share_by)
        )
        now = self._clock.now().ticks
        for one in news:
            events.apply(self.state, one, now, self._decisions)
        on_nodes = self.state.assignments
        unended = {
            one.sequence: one.subject for one in found if one.kind == "task" and one.subject in on_nodes
        }
        return Heard([one.sequence for one in found], unended, len(found) < events.MOST)

    def apply(self, items: Sequence[Input]) -> None:
        now, self._messages = self._clock.now().ticks, 0
        for item in items:
            if isinstance(item, JobPurged):
                self._inbox.look()  # its pool may have to go with it
            if isinstance(item, Frame):
                self._messages += len(item.messages)
                if report := inputs.last_report(item.messages):
                    self._reports[item.node] = report
            inputs.apply(self.state, item, now, self._decisions)

    async def conclude(self) -> Unit[Outcome] | None:
        state, decisions = self.state, self._decisions
        now = self._clock.now().ticks
        self._proceed(now)
        if not decisions.changes and (wanted := decisions.take_reads()):
            # nothing uncommitted that the read would miss: one commit less until tasks start
            await reads.carry_out(self._database, state, wanted, self._clock.now())
            now = self._clock.now().ticks
            self._proceed(now)
        settle_phases(state, now, decisions)
        changes = decisions.changes
        return (lambda connection: self._write(connection, changes, now)) if changes else None

    async def follow(self, stored: Outcome | None) -> bool:
        decisions, self._decisions = self._decisions, Decisions()
        reports, self._reports = self._reports, {}
        for node, report in reports.items():
            self._effects.send(node, Acknowledge(report))
        wanted = decisions.take_reads()
        if decisions.changes.job_completed:
            self._inbox.look()  # a pool may have to go with its job
        self._effects.carry_out(self, decisions.effects)
        if stored is not None and stored.allocation:
            self._take(stored.allocation)
        released = stored is not None and self._queue(stored.released)
        if wanted:
            await reads.carry_out(self._database, self.state, wanted, self._clock.now())
        if decisions.changes.formula_turned:
            self._inbox.look()
        return bool(wanted) or released

    async def recover(self) -> None:
        await self._effects.drop_links(list(self.state.nodes))

    def comes_again(self, item: Input) -> bool:
        return isinstance(item, inputs.REPEATED)

    def look(self) -> None:
        """For nodes that say nothing."""
        if self.state.nodes:
            self.put(Look())

    def sent_home(self, connection: sa.Connection) -> int:
        """Nodes boot again later, and their tasks wait for that, but for those that were to end."""
        stored, decisions, now = self._read(connection), Decisions(), self._clock.now().ticks
        _take_up(stored, now, decisions)
        on_nodes_sent_home(stored.state, now, decisions)
        self._write(connection, decisions.changes, now)
        return sum(task.was == "running" for task in decisions.changes.requeued.values())

    # -- how it is done

    def _read(self, connection: sa.Connection) -> Stored:
        return loading.read(connection, self.name, self._fidelity, self._scheduling)

    def _proceed(self, now: int) -> None:
        scaling.proceed(self.state, now, self._decisions)
        vacating.proceed(self.state, now, self._decisions)
        retention.proceed(self.state, now, self._decisions)
        forcing.proceed(self.state, now, self._decisions)
        place(self.state, now, self._decisions)
        preparation.proceed(self.state, now, self._decisions)
        release.proceed(self.state, now, self._decisions)

    def _write(self, connection: sa.Connection, changes: Changes, now: int) -> Outcome:
        return committer.apply(connection, self.account, self._limits(), self.name, changes, now)

    def _queue(self, released: Released) -> bool:
        """Tasks whose dependencies have come wait for nodes; whether there are some."""
        if released.more:
            self._inbox.look()
        for task in released.tasks:
            jobs.on_task_released(self.state, task.job_no, loading.queued_task(task))
        return bool(released.tasks)

    def _take(self, allocation: Allocation) -> None:
        """New nodes are begun at once; whether more are wanted is decided when all news has been heard."""
        pool = self.state.pool
        if pool is None:
            return
        if allocation.is_outdated:
            self._inbox.look()
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


def _take_up(stored: Stored, now: int, decisions: Decisions) -> None:
    """Jobs that end and tasks that are to end, wherever their events have been read already."""
    for job in list(stored.state.jobs.values()):
        jobs.on_job_changed(stored.state, job, now, decisions)
    for row in stored.intents:
        tasks.on_task_intent(stored.state, loading.intended_task(row), now, decisions)
