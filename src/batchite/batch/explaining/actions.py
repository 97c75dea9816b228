"""Why a task does not run, a job makes no progress, a schedule no job, a node is of no use, a pool does not
grow.

Answered from the store, by the predicates that decide (`scheduling.explaining`), in one transaction and with
reads that do not grow with the queue; the node is asked afterwards what its start task printed, and whether
a task still fetches its files or already uploads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import msgspec
import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.batch.explaining import blocked, catalogue, failures, outputs, progress, scenes
from batchite.batch.job_schedules import actions as job_schedules
from batchite.batch.jobs import actions as jobs
from batchite.batch.pools import actions as pools
from batchite.batch.tasks import actions as tasks
from batchite.resources.boots import Stage, timeline
from batchite.resources.courses import Step, course
from batchite.resources.jobs import JobRow
from batchite.resources.rules import of_stored_task
from batchite.resources.states import ON_NODE
from batchite.resources.tasks import TaskRow, definition, has_lost_files
from batchite.scheduling import explaining, reasons
from batchite.scheduling.explaining import TROUBLES, Finding, Scene
from batchite.scheduling.job_schedules import OpenJob, as_stored, why
from batchite.scheduling.predicates import why_none_of
from batchite.scheduling.state import JobState, NodeState
from batchite.store.batch import explaining as store
from batchite.store.batch import job_schedules as stored_schedules
from batchite.store.batch import jobs as stored_jobs
from batchite.store.batch import nodes as stored_nodes
from batchite.store.batch import owned
from batchite.store.batch import pools as stored_pools
from batchite.store.batch import tasks as stored_tasks
from batchite.store.batch.nodes import ExplainedNode
from batchite.wire.batch import shell_words
from batchite.wire.batch.errors import BatchError
from batchite.wire.ticks import Timestamp

_OfPhase: TypeAlias = reasons.TaskFetchesFiles | reasons.TaskUploadsFiles

MOST_LANES = 8
"""Numbers of slots of a job's tasks that are looked at, the smallest first."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found of a thing, what keeps it first; there is at least one finding."""

    kind: str
    """pool, node, schedule, job or task"""
    ids: Mapping[str, str]
    """as they are stored: `id`, and that of the job or pool it is in"""
    findings: Sequence[Finding]
    boot: Sequence[Stage] = ()
    """of a node"""
    course: Sequence[Step] = ()
    """of a task"""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """of a node: the last lines of what its start task printed, by file name"""

    @property
    def is_fetching(self) -> bool:
        """The command of the task waits for its resource files."""
        return any(isinstance(finding.reason, reasons.TaskFetchesFiles) for finding in self.findings)

    @property
    def sentence(self) -> str:
        return catalogue.sentence(self.findings[0])

    @property
    def next_step(self) -> str:
        return catalogue.next_step(self.findings[0])


async def pool(acting: Acting, pool_id: str) -> Explanation:
    """Why the pool does not grow, or has nodes that are of no use. Raises PoolNotFound."""

    def query(connection: sa.Connection) -> Explanation:
        row = stored_pools.find(connection, acting.account, pool_id)
        if row is None:
            raise pools.REFUSALS.of(None)
        found = explaining.of_pool(scenes.read(connection, acting, row.shard, with_tasks=False))
        return Explanation("pool", {"id": row.id}, found)

    return await acting.read(query)


async def node(acting: Acting, pool_id: str, node_id: str, *, with_outputs: bool = True) -> Explanation:
    """Why the node takes no tasks, and how its last boot went; if its start task is why, with what that
    printed, which the node is asked for. Raises PoolNotFound and NodeNotFound."""

    def query(connection: sa.Connection) -> Explanation:
        row = stored_nodes.to_explain(connection, acting.account, pool_id, node_id)
        if row is None:
            if stored_pools.find(connection, acting.account, pool_id) is None:
                raise pools.REFUSALS.of(None)
            raise BatchError("NodeNotFound")
        scene = scenes.read(connection, acting, row.shard)
        known = scene.state.nodes.get(row.id)
        if known is None:
            raise BatchError("NodeNotFound")
        found = _of_node(connection, scene, known, row)
        return Explanation("node", {"id": row.id, "poolId": row.pool_id}, [found], timeline(row))

    found = await acting.read(query)
    of_start_task = reasons.NodeStartTaskFailed | reasons.NodeWaitsForStartTask
    if with_outputs and isinstance(found.findings[0].reason, of_start_task):
        return replace(found, outputs=await outputs.of_start_task(acting.services.files, found.ids["id"]))
    return found


async def schedule(acting: Acting, schedule_id: str) -> Explanation:
    """Why the job schedule makes no job now. Raises JobScheduleNotFound."""

    def query(connection: sa.Connection) -> Explanation:
        row = stored_schedules.find(connection, acting.account, schedule_id)
        if row is None:
            raise job_schedules.REFUSALS.of(None)
        found = stored_schedules.open_job(connection, row.schedule_no)
        state = as_stored(row, None if found is None else OpenJob(*found), has_jobs=found is not None)
        return Explanation("schedule", {"id": row.id}, [why(state, acting.now)])

    return await acting.read(query)


async def job(acting: Acting, job_id: str) -> Explanation:
    """Why no more of the job's tasks run. Raises JobNotFound."""

    def query(connection: sa.Connection) -> Explanation:
        row = _job_row(connection, acting, job_id)
        scene = scenes.read(connection, acting, row.shard)
        state = scene.state.jobs.get(row.job_no)
        found = [_over(row)] if state is None else list(_of_job(connection, scene, state))
        return Explanation("job", {"id": row.id, "poolId": row.pool_id}, _first_things_first(row, found))

    return await acting.read(query)


async def task(acting: Acting, job_id: str, task_id: str) -> Explanation:
    """Why the task does not run, or what else it does. Raises JobNotFound and TaskNotFound."""

    def query(connection: sa.Connection) -> tuple[Explanation, TaskRow]:
        of_job = _job_row(connection, acting, job_id)
        row = stored_tasks.find(connection, of_job.job_no, task_id)
        if row is None:
            raise tasks.REFUSALS.of(None)
        found = (*_of_task(connection, acting, of_job, row), *_of_command(row))
        findings = _first_things_first(of_job, found)
        ids = {"id": row.id, "jobId": of_job.id}
        return Explanation("task", ids, findings, course=course(row)), row

    found, row = await acting.read(query)
    come_to = await progress.progress(acting.services.files, found.ids["jobId"], row)
    if (of_phase := _OF_PHASES.get(come_to)) is None:
        return found
    return replace(found, findings=[_with_phase(finding, of_phase) for finding in found.findings])


_OF_PHASES: Final[Mapping[progress.Progress, type[_OfPhase]]] = {
    "fetching": reasons.TaskFetchesFiles,
    "uploading": reasons.TaskUploadsFiles,
}


def _with_phase(finding: Finding, of_phase: type[_OfPhase]) -> Finding:
    """What is said of a task that runs where its command does not run yet, or any more."""
    reason = finding.reason
    if isinstance(reason, reasons.TaskRunning):
        return Finding(of_phase(reason.node, reason.since), finding.blocking)
    return finding


def _first_things_first(job: JobRow, found: Iterable[Finding]) -> list[Finding]:
    """Each once, what keeps it first, otherwise in their order; with the pool that the job names."""
    named = (_with_pool(finding, job.pool_id) for finding in found)
    return sorted(dict.fromkeys(named), key=lambda finding: not finding.blocking)


def _with_pool(finding: Finding, pool_id: str) -> Finding:
    if isinstance(finding.reason, reasons.PoolMissing):
        return finding._replace(reason=reasons.PoolMissing(pool_id))
    return finding


def _job_row(connection: sa.Connection, acting: Acting, job_id: str) -> JobRow:
    row = stored_jobs.find(connection, acting.account, job_id)
    if row is None:
        raise jobs.REFUSALS.of(None)
    return row


def _over(job: JobRow) -> Finding:
    if job.scheduling_error is not None:
        return Finding(reasons.JobUnscheduled(msgspec.json.decode(job.scheduling_error)["message"]), True)
    return Finding(reasons.JobCompleted(job.terminate_reason or ""), True)


# -- a node


def _of_node(connection: sa.Connection, scene: Scene, node: NodeState, row: ExplainedNode) -> Finding:
    reason = explaining.of_node(scene, node)
    if isinstance(reason, reasons.NodeWaitsForStartTask) and row.start_task_info is not None:
        retries = msgspec.json.decode(row.start_task_info).get("retryCount", 0)
        reason = msgspec.structs.replace(reason, retries=retries, exit_code=row.start_task_exit_code or None)
    if isinstance(reason, reasons.NodeVacating) and reason.option == "retaineddata":
        kept = owned.files_until(connection, node.number)
        reason = msgspec.structs.replace(reason, until=Timestamp(kept) if kept else None)
    takes_tasks = isinstance(reason, reasons.NodeReady | reasons.NodeFull)
    return Finding(reason, not takes_tasks)


# -- a job


def _of_job(connection: sa.Connection, scene: Scene, job: JobState) -> Iterable[Finding]:
    own = why_none_of(job)
    releasing = sum(one.release == "wanted" for one in job.nodes.values())
    if releasing and not job.assignments and (job.is_ending or job.moves_to):
        of_releases = reasons.JobReleases if job.is_ending else reasons.JobLeaves
        yield Finding(of_releases(releasing), True)
    if own is not None:
        yield Finding(own, True)
    waiting = explaining.waiting(job)
    if job.blocked:
        blocked_one = store.a_blocked_task(connection, job.number) or ""
        keeps = waiting <= 0 and not job.assignments
        yield Finding(reasons.TasksBlocked(job.blocked, blocked_one), keeps)
    if waiting <= 0:
        on_nodes = len(job.assignments)
        if on_nodes:
            yield Finding(reasons.NothingWaits(on_nodes), False)
        elif own is None and not job.blocked:
            yield Finding(reasons.JobEmpty(), True)
        return
    pausing = store.pausing(connection, job.number)
    if pausing:
        paused = reasons.RetriesPause(len(pausing), Timestamp(pausing[0]))
        yield Finding(paused, len(pausing) >= waiting)
    if len(pausing) < waiting:
        yield from _of_lanes(connection, scene, job)


def _of_lanes(connection: sa.Connection, scene: Scene, job: JobState) -> Iterable[Finding]:
    """Of the tasks that wait, by the slots that they take."""
    given = [
        one.task.slots for one in job.assignments.values() if one.started is None and not one.is_preparing
    ]
    counts = owned.job_counts(connection, job.number)
    lanes = sorted(
        one.required_slots for one in counts if one.active - one.blocked > given.count(one.required_slots)
    )
    found = [explaining.of_waiting(scene, job, slots) for slots in lanes[:MOST_LANES]]
    for findings in found:
        yield from findings
    if not all(found):
        yield Finding(reasons.TaskNext(), False)
    yield from explaining.jobs_ahead(scene.state, job)


# -- a task


def _of_task(connection: sa.Connection, acting: Acting, of_job: JobRow, task: TaskRow) -> Iterable[Finding]:
    if task.state == "completed":
        yield Finding(_outcome(task), False)
        if has_lost_files(task, acting.now):
            yield Finding(reasons.TaskFilesGone(), False)
        return
    if task.intent is not None:
        yield Finding(reasons.TaskEnding(), True)
        if task.state not in ON_NODE:
            return
    scene = scenes.read(connection, acting, of_job.shard)
    state = scene.state.jobs.get(of_job.job_no)
    if task.state in ON_NODE:
        yield from _on_node(scene, task)
    elif state is None:
        yield _over(of_job)
    elif task.awaits is not None:
        if (own := why_none_of(state)) is not None:
            yield Finding(own, True)
        yield from blocked.why(connection, of_job.job_no, task)
    else:
        yield from _queued(connection, scene, state, task)


def _of_command(task: TaskRow) -> Iterable[Finding]:
    """What may be wrong with its command line, unless it has done what it was to do."""
    if task.result != "success" and (needs := shell_words.needing(definition(task).command_line)):
        yield Finding(reasons.CommandNeedsShell(" ".join(needs)), False)


def _outcome(task: TaskRow) -> reasons.TaskCompleted:
    return reasons.TaskCompleted(task.result or "", task.exit_code, failures.said(task))


def _on_node(scene: Scene, task: TaskRow) -> Iterable[Finding]:
    """What it does there, and what is wrong with the node."""
    node_id = task.node_id or ""
    if task.state == "running" and task.started is not None:
        yield Finding(reasons.TaskRunning(node_id, Timestamp(task.started)), False)
    elif task.state == "preparing":
        yield Finding(reasons.TaskPreparing(node_id, Timestamp(task.state_time)), False)
    else:
        yield Finding(reasons.TaskAssigned(node_id), False)
    node = scene.state.nodes.get(node_id)
    if node is not None and isinstance(reason := explaining.of_node(scene, node), TROUBLES):
        yield Finding(reason, True)


def _is_too_small(finding: Finding) -> bool:
    return isinstance(finding.reason, reasons.NodeTooSmall)


def _queued(connection: sa.Connection, scene: Scene, job: JobState, task: TaskRow) -> Iterable[Finding]:
    retry = store.due_at(connection, "task-retry", task.task_no)
    if retry is not None:
        yield Finding(reasons.RetryPause(Timestamp(retry), task.retry_count), True)
    manager = of_stored_task(task.rules).manager
    found = explaining.of_waiting(scene, job, task.required_slots, manager)
    if not found and retry is None:
        yield Finding(reasons.TaskNext(), False)
    yield from found
    pool, wanted = scene.state.pool, task.required_slots
    if pool is not None and wanted > pool.rules.slots_per_node and not any(map(_is_too_small, found)):
        yield Finding(reasons.NodeTooSmall(wanted, pool.rules.slots_per_node), True)
    yield from explaining.jobs_ahead(scene.state, job)
    lanes = [one.required_slots for one in owned.job_counts(connection, job.number) if one.active]
    before = store.tasks_before(connection, job.number, lanes, task.rank, task.task_no)
    if before > store.COUNTED:
        yield Finding(reasons.ManyTasksAhead(store.COUNTED), False)
    elif before:
        yield Finding(reasons.TasksAhead(before), False)
