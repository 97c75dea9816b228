"""Rows become the reactor's state, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.resources import sharing, states, vacating
from batchite.resources.keys import pool_shard
from batchite.resources.logins import LoginRow
from batchite.resources.rules import of_stored_job, of_stored_pool, of_stored_start_task, of_stored_task
from batchite.scheduling import managers
from batchite.scheduling.assignments import assign
from batchite.scheduling.ending import INTENTS
from batchite.scheduling.start_tasks import count_retry
from batchite.scheduling.state import JobNode, JobState, NodeState, PoolState, Preemption, Scaling, ShardState
from batchite.scheduling.tasks import ChangedTask, IntendedTask
from batchite.scheduling.vacating import PHASES
from batchite.scheduling.vacating import ending as ending_of
from batchite.scheduling.windows import Lane, QueuedTask
from batchite.store.batch import job_nodes, logins, owned
from batchite.store.batch.releasing import Waiting
from batchite.wire.batch.login import Login
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


def read(
    connection: sa.Connection, shard: str, fidelity: Fidelity, scheduling: Scheduling = IN_ORDER
) -> Stored:
    """Everything an owner begins with."""
    state, nodes = _state(connection, shard, fidelity, scheduling, bare=False)
    return Stored(state, nodes, owned.intents(connection, shard))


def look(
    connection: sa.Connection,
    shard: str,
    fidelity: Fidelity,
    scheduling: Scheduling = IN_ORDER,
    *,
    with_tasks: bool = True,
) -> ShardState:
    """The same state for whoever decides nothing: tasks come without their definitions, if at all."""
    return _state(connection, shard, fidelity, scheduling, bare=True, with_tasks=with_tasks)[0]


def _state(
    connection: sa.Connection,
    shard: str,
    fidelity: Fidelity,
    scheduling: Scheduling,
    *,
    bare: bool,
    with_tasks: bool = True,
) -> tuple[ShardState, dict[str, KnownNode]]:
    state = ShardState(
        empty_job_pause=Duration.of(seconds=fidelity.empty_job_pause).ticks,
        room_pause=Duration.of(seconds=fidelity.room_pause).ticks,
        sample_period=Duration.of(seconds=fidelity.autoscale_sample).ticks,
        preemption=_preemption(fidelity),
        share_by=scheduling.share_by,
    )
    nodes = _restore_pool(connection, shard, state)
    _restore_jobs(connection, shard, state)
    for task_row in owned.assigned_tasks(connection, shard, bare=bare) if with_tasks else ():
        if not bare or (task_row.job_no in state.jobs and task_row.node_id in state.nodes):
            _restore_assignment(state, state.jobs[task_row.job_no], task_row)
    return state, nodes


def _restore_pool(connection: sa.Connection, shard: str, state: ShardState) -> dict[str, KnownNode]:
    """With its nodes."""
    nodes: dict[str, KnownNode] = {}
    row = owned.pool(connection, shard)
    if row is None:
        return nodes
    state.pool = pool_state(row)
    of_nodes = logins.of_pool(connection, row.pool_no)
    for node_row in owned.pool_nodes(connection, row.pool_no):
        node = state.nodes[node_row.id] = node_state(node_row, state.pool)
        node.logins = tuple(map(login, of_nodes.get(node_row.node_no, ())))
        nodes[node_row.id] = KnownNode(
            node_row.node_no, node_row.engine, node_row.handle, node_row.token_hash
        )
    return nodes


def _restore_jobs(connection: sa.Connection, shard: str, state: ShardState) -> None:
    """With the nodes that are prepared for them and lanes for what waits."""
    state.jobs = {row.job_no: job_state(row) for row in owned.open_jobs(connection, shard)}
    for row in owned.definitions(connection, shard) if state.share_by else ():
        if row.job_no in state.jobs:
            state.jobs[row.job_no].tag = sharing.tag(row.definition, state.share_by)
    for one in job_nodes.of_shard(connection, shard):
        if one.job_no in state.jobs and one.node_id in state.nodes:
            _restore_job_node(state.jobs[one.job_no], one)
    for job_no, slots, active, running, blocked in owned.shard_counts(connection, shard):
        if (job := state.jobs.get(job_no)) is not None:  # else it has come since the jobs were read
            job.unfinished += active + running
            job.blocked += blocked
            if active > blocked and not job.is_ending:
                job.window(Lane(slots))


def _preemption(fidelity: Fidelity) -> Preemption:
    rate = fidelity.preemptions_per_hour
    return Preemption(
        Duration.of(seconds=fidelity.preemption_notice).ticks,
        Duration.of(seconds=fidelity.preemption_absence).ticks,
        Duration.of(seconds=3600 / rate).ticks if rate else None,
    )


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
        modified=row.modified,
        rules=of_stored_pool(row),
        option=row.resize_option or "requeue",
        kept_dedicated=row.kept_dedicated,
        kept_low_priority=row.kept_low_priority,
        falls_short=row.resize_errors is not None,
        scaling=Scaling(row.interval_ticks, row.evaluate_at, row.sample_at) if row.auto_scale else None,
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
        option=row.tasks_option or "requeue",
        moves_to="" if (shard := pool_shard(row.account, row.pool_id)) == row.shard else shard,
    )


def tag(connection: sa.Connection, job_no: int, share_by: str) -> str | None:
    """By which the job shares slots with others; None: it is a tag of its own."""
    definition = owned.definition(connection, job_no)
    return None if definition is None else sharing.tag(definition, share_by)


def _end(created: int, limit: int | None) -> int | None:
    """When a job's time is over; a limit close to the longest ends with time itself."""
    return None if limit is None else (Timestamp(created) + Duration(limit)).ticks


def node_state(row: Row, pool: PoolState) -> NodeState:
    runs, wanted = states.NODE[row.state].runs, vacating_of(row)
    node = NodeState(
        number=row.node_no,
        id=row.id,
        dedicated=row.dedicated,
        slots=pool.rules.slots_per_node,
        phase=row.state if wanted is None else PHASES.get(wanted.purpose, row.state),
        stored_phase=row.state,
        was_connected=runs and row.boot_heard is not None,
        is_ready=runs and row.boot_ready is not None,
        is_begun=row.state == "starting" and row.handle is not None,
        is_disabled=row.disabled,
        failures=row.boot_failures,
        failed_at=row.state_time,
        vacating=wanted,
        stored_vacating=wanted,
        interrupted=(before := vacating.of_stored("", row.interrupted, row.interrupted_option)),
        stored_interrupted=before,
        start_task=of_stored_start_task(row.start_task),
    )
    if node.was_connected:
        _restore_start_task(node, row)
    return node


def login(row: LoginRow) -> Login:
    """As an agent is told of it."""
    return Login(row.name, row.is_admin, row.expires, row.password, row.ssh_public_key)


def vacating_of(row: Row) -> vacating.Vacating | None:
    """What the node takes no more tasks for."""
    return vacating.of_stored(row.state, row.vacating, row.vacating_option)


def queued_task(row: Row | Waiting) -> QueuedTask:
    rules = of_stored_task(row.rules)
    return QueuedTask(
        row.task_no,
        row.id,
        row.required_slots,
        row.attempt,
        row.retry_count,
        rules,
        row.definition,
        row.requeue_count,
        created=row.created,
        node=None if row.state in states.ON_NODE else row.node_id,
        rank=row.rank,
    )


def _restore_start_task(node: NodeState, row: Row) -> None:
    """A run that ended in failure and may be repeated was about to be, when the owner changed."""
    rules = node.start_task
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
        node.start_task_done, node.start_task_failed = True, row.start_task_result == "failure"


def _restore_job_node(job: JobState, row: Row) -> None:
    """Whatever its agent has been told, it is told again unless it says that it knows."""
    one = job.nodes[row.node_id] = JobNode(
        standing=row.standing,
        attempt=row.preparation_attempt,
        retries=row.preparation_retries,
        exit_code=row.preparation_exit_code,
        has_completed=row.has_completed,
        has_run=row.has_run,
        release=row.release,
        release_attempt=row.release_attempt,
    )
    if one.is_moving:
        job.moving.add(row.node_id)


def _restore_assignment(state: ShardState, job: JobState, row: Row) -> None:
    node = state.nodes.get(row.node_id)
    if node is None:
        raise LookupError(f"task {row.task_no} is on node {row.node_id}, which is not in the pool")
    task = managers.fitted(queued_task(row), node.slots)
    started = row.started if row.state == "running" else None
    ending = INTENTS.get(row.intent) or ending_of(state, node.vacating)
    assignment = assign(state, job, node, task, task.attempt, started=started, ending=ending)
    assignment.is_preparing = row.state == "preparing"


def intended_task(row: Row) -> IntendedTask:
    """See `owned.task_intent`."""
    counted = states.counted(row.state, row.result)
    is_blocked = states.TASK[row.state].is_blocked
    return IntendedTask(
        queued_task(row), row.job_no, row.job_id, counted, row.node_id, row.intent, is_blocked
    )


def changed_task(row: Row) -> ChangedTask:
    """See `owned.changed_task`."""
    waits = row.state == states.WAITING and row.intent is None and not row.pauses
    return ChangedTask(queued_task(row), row.job_no, waits, row.node_id, row.files_until)
