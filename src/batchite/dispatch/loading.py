"""Rows become the reactor's state, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from batchite.configuration.fidelity import Fidelity
from batchite.resources import states
from batchite.resources.rules import of_stored_job, of_stored_pool, of_stored_task
from batchite.scheduling.assignments import assign
from batchite.scheduling.ending import INTENTS, NODE_LEAVES
from batchite.scheduling.start_tasks import count_retry
from batchite.scheduling.state import (
    JobState,
    Lane,
    NodeState,
    PoolState,
    QueuedTask,
    ShardState,
)
from batchite.scheduling.tasks import IntendedTask
from batchite.store.batch import owned
from batchite.wire.ticks import Duration, Timestamp

Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class KnownNode:
    """What has to be known of a node that an earlier owner left behind."""

    number: int
    engine: str | None
    """the name of the one it is of, once that has been asked for it"""
    handle: str | None
    token_hash: bytes | None

    @property
    def started(self) -> bool:
        """Whether its engine has given a handle for it."""
        return self.handle is not None

    @property
    def is_begun(self) -> bool:
        """Whether its engine may have been asked for it."""
        return self.handle is not None or self.token_hash is not None


@dataclass(frozen=True, slots=True)
class Stored:
    """A shard as the store has it."""

    state: ShardState
    """pool, nodes, open jobs and what is on nodes; windows are empty and get read as needed"""
    nodes: Mapping[str, KnownNode]
    intents: Sequence[Row]
    """tasks that are on no node and that somebody wants ended or gone; see `owned.intents`"""


def read(connection: sa.Connection, shard: str, fidelity: Fidelity) -> Stored:
    """Everything an owner begins with."""
    state, nodes = _state(connection, shard, fidelity, bare=False)
    return Stored(state, nodes, owned.intents(connection, shard))


def look(connection: sa.Connection, shard: str, fidelity: Fidelity, *, with_tasks: bool = True) -> ShardState:
    """The same state for whoever decides nothing: tasks come without their definitions, if at all."""
    return _state(connection, shard, fidelity, bare=True, with_tasks=with_tasks)[0]


def _state(
    connection: sa.Connection, shard: str, fidelity: Fidelity, *, bare: bool, with_tasks: bool = True
) -> tuple[ShardState, dict[str, KnownNode]]:
    state = ShardState(empty_job_pause=Duration.of(seconds=fidelity.empty_job_pause).ticks)
    nodes = {}
    row = owned.pool(connection, shard)
    if row is not None:
        state.pool = pool_state(row)
        for node_row in owned.pool_nodes(connection, row.pool_no):
            state.nodes[node_row.id] = node_state(node_row, state.pool)
            nodes[node_row.id] = KnownNode(
                node_row.node_no, node_row.engine, node_row.handle, node_row.token_hash
            )
    state.jobs = {row.job_no: job_state(row) for row in owned.open_jobs(connection, shard)}
    for job_no, slots, active, running in owned.shard_counts(connection, shard):
        if (job := state.jobs.get(job_no)) is not None:  # else it has come since the jobs were read
            job.unfinished += active + running
            if active and job.state in states.STARTING_TASKS:
                job.window(Lane(slots))
    for task_row in owned.assigned_tasks(connection, shard, bare=bare) if with_tasks else ():
        if not bare or (task_row.job_no in state.jobs and task_row.node_id in state.nodes):
            _restore_assignment(state, state.jobs[task_row.job_no], task_row)
    return state, nodes


def pool_state(row: Row) -> PoolState:
    return PoolState(
        number=row.pool_no,
        id=row.id,
        state=row.state,
        allocation_state=row.allocation_state,
        target_dedicated=row.target_dedicated,
        target_low_priority=row.target_low_priority,
        vm_size=row.vm_size,
        node_cores=row.node_cores,
        resize_ends_at=(Timestamp(row.allocation_state_time) + Duration(row.resize_timeout)).ticks,
        rules=of_stored_pool(row),
    )


def job_state(row: Row) -> JobState:
    rules = of_stored_job(row)
    return JobState(
        number=row.job_no,
        id=row.id,
        state=row.state,
        changed=row.modified,
        rules=rules,
        ends_at=_end(row.created, rules.max_wall_clock_time),
    )


def _end(created: int, limit: int | None) -> int | None:
    """When a job's time is over; a limit close to the longest ends with time itself."""
    return None if limit is None else (Timestamp(created) + Duration(limit)).ticks


def node_state(row: Row, pool: PoolState) -> NodeState:
    node = NodeState(
        number=row.node_no,
        id=row.id,
        dedicated=row.dedicated,
        slots=pool.rules.slots_per_node,
        phase=row.state,
        stored_phase=row.state,
        was_connected=row.booted is not None,
    )
    if row.state not in ("creating", "starting"):
        _restore_start_task(node, row, pool)
    return node


def queued_task(row: Row) -> QueuedTask:
    return QueuedTask(
        row.task_no,
        row.id,
        row.required_slots,
        row.attempt,
        row.retry_count,
        of_stored_task(row.rules),
        row.definition,
        row.requeue_count,
    )


def _restore_start_task(node: NodeState, row: Row, pool: PoolState) -> None:
    """A run that ended in failure and may be repeated was about to be, when the owner changed."""
    rules = pool.rules.start_task
    if rules is None:
        node.start_task_done = True
        return
    info = msgspec.json.decode(row.start_task_info) if row.start_task_info else {}
    node.start_task_retries = info.get("retryCount", 0)
    node.start_task_attempt = max(row.start_task_attempt, 1)
    is_over = row.start_task_state == "completed"
    if is_over and (
        node.phase == "starttaskfailed" or not count_retry(node, rules, row.start_task_exit_code)
    ):
        node.start_task_done = True


def _restore_assignment(state: ShardState, job: JobState, row: Row) -> None:
    node = state.nodes.get(row.node_id)
    if node is None:
        raise LookupError(f"task {row.task_no} is on node {row.node_id}, which is not in the pool")
    task = queued_task(row)
    started = row.started if row.state == "running" else None
    ending = INTENTS.get(row.intent) or (NODE_LEAVES if node.phase == "leavingpool" else None)
    assign(state, job, node, task, task.attempt, started=started, ending=ending)


def intended_task(row: Row) -> IntendedTask:
    """See `owned.task_intent`."""
    counted = states.counted(row.state, row.result)
    return IntendedTask(queued_task(row), row.job_no, row.job_id, counted, row.node_id, row.intent)
