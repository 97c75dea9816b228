"""What an account is doing, and what of it asks for attention."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from batchite.batch import quotas, wanting
from batchite.batch.acting import Acting
from batchite.batch.explaining import actions as explaining
from batchite.batch.explaining.actions import Explanation
from batchite.batch.jobs import actions as jobs
from batchite.batch.nodes import actions as nodes
from batchite.batch.pools import actions as pools
from batchite.batch.quotas import Used
from batchite.portal import shares, tones
from batchite.portal.shares import Shares
from batchite.resources.jobs import JobRow
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.counts import BatchTaskCounts
from batchite.wire.batch.odata.filter import Comparison

POOLS = 50
JOBS = 8
"""that are shown, the newest first"""
LOOKED_INTO = 6
"""pools, and as many jobs, whose reasons are asked for"""


@dataclass(frozen=True, slots=True)
class Job:
    """An active job, with its tasks by state."""

    id: str
    pool_id: str
    tasks: Shares
    total: int
    waits: bool
    """tasks are active, and none runs"""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that asks for attention: what it is of, and why."""

    kind: str
    id: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Overview:
    pools: int
    has_more_pools: bool
    nodes: Shares
    total_nodes: int
    jobs: Sequence[Job]
    has_more_jobs: bool
    used: Used
    concerns: Sequence[Concern]


async def of(acting: Acting) -> Overview:
    """Of the account that is acted for."""
    part = await nodes.counts(acting, wanting.wanted("node counts", limit=POOLS))
    counted: dict[tuple[bool, str], int] = {}
    for pool in part.rows:
        for key, count in pool.nodes.items():
            counted[key] = counted.get(key, 0) + count
    active = Comparison("state", "eq", "active")
    found = await jobs.page(acting, wanting.wanted("jobs", active, limit=JOBS, newest_first=True))
    tasks = await jobs.counts_of(acting, found.rows)
    shown = [_job(row, tasks.get(row.job_no, shares.NO_TASKS)) for row in found.rows]
    of_nodes = shares.by_state(counted)
    return Overview(
        len(part.rows),
        part.more,
        of_nodes,
        shares.total(of_nodes),
        shown,
        found.more,
        await quotas.used(acting),
        [*await _of_pools(acting), *await _of_jobs(acting, shown)],
    )


def _job(row: JobRow, counts: BatchTaskCounts) -> Job:
    tasks = shares.of_tasks(counts)
    return Job(row.id, row.pool_id, tasks, shares.total(tasks), counts.active > 0 and counts.running == 0)


async def _of_pools(acting: Acting) -> list[Concern]:
    """Of those whose last resize failed, or that have nodes in a bad state."""
    wanted = wanting.wanted("pools", limit=POOLS)
    part, counts = await pools.page(acting, wanted), await nodes.counts(acting, wanted)
    states = {found.number: [state for _, state in found.nodes] for found in counts.rows}
    troubled = [
        row.id
        for row in part.rows
        if row.state == "active" and (row.resize_errors or any(map(_is_bad, states.get(row.pool_no, ()))))
    ]
    return [
        concern
        for pool_id in troubled[:LOOKED_INTO]
        if (concern := await _concern(explaining.pool, acting, pool_id))
    ]


async def _of_jobs(acting: Acting, shown: Sequence[Job]) -> list[Concern]:
    waiting = [job.id for job in shown if job.waits]
    return [
        concern
        for job_id in waiting[:LOOKED_INTO]
        if (concern := await _concern(explaining.job, acting, job_id))
    ]


async def _concern(
    explain: Callable[[Acting, str], Awaitable[Explanation]], acting: Acting, id_: str
) -> Concern | None:
    try:
        found = await explain(acting, id_)
    except BatchError:  # it has gone meanwhile
        return None
    return Concern(found.kind, found.ids["id"], found.sentence, found.next_step)


def _is_bad(state: str) -> bool:
    return tones.tone(state) == "bad"
