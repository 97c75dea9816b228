"""What is added with a job: the pool that it brings with it, and whether there is room for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from batchite.resources import auto_pools, managers
from batchite.resources.applications import references
from batchite.resources.auto_pools import NewPool
from batchite.resources.autoscaling import Scaling, begun
from batchite.resources.jobs import NewJob
from batchite.resources.jobs import row as job_row
from batchite.resources.pools import row as pool_row
from batchite.scheduling.autoscale.errors import FormulaSyntaxError
from batchite.scheduling.autoscale.evaluation import Formula
from batchite.scheduling.room import Limits, Refusal, Usage, grant
from batchite.wire.batch.models.enums import BatchPoolLifetimeOption
from batchite.wire.batch.models.jobs import BatchAutoPoolSpecification, BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.outcome import Failure
from batchite.wire.batch.validation.autoscaling import INTERVAL
from batchite.wire.ticks import Duration

QUOTA_REACHED = "AutoPoolCreationFailedWithQuotaReached"


def new_job(
    job: BatchJobCreateOptions,
    account: str,
    now: int,
    unique: UUID,
    period: Duration,
    schedule: int | None = None,
    shared: str | None = None,
) -> NewJob:
    """The accepted job as it is added, by the `schedule` of this number if one makes it. A pool that it
    brings with it is named after what is `unique`, and has a sample taken for its formula every `period`;
    none is made for a job that is given a `shared` one."""
    auto = job.pool_info.auto_pool_specification
    made = new_pool(auto, account, now, unique, period) if auto and not shared else None
    pool_id = made.row["id"] if made else shared or job.pool_info.pool_id or ""
    if made and auto and auto.pool_lifetime_option is BatchPoolLifetimeOption.JOB_SCHEDULE:
        made = replace(made, row={**made.row, "schedule_no": schedule}, is_shared=True)
    row = {**job_row(job, account, pool_id, now), "schedule_no": schedule}
    return NewJob(row, made, managers.row(job, now))


def new_pool(
    auto: BatchAutoPoolSpecification, account: str, now: int, unique: UUID, period: Duration
) -> NewPool:
    """The same of the pool by itself."""
    pool = auto_pools.pool(auto, auto_pools.pool_id(auto, unique))
    row = {**pool_row(pool, account, now), "keep_alive": bool(auto.keep_alive)}
    try:
        packages = references(pool.application_package_references)
        return NewPool(row, _scaling(pool, now, period), packages)
    except FormulaSyntaxError as error:
        return NewPool(
            row, failure=auto_pools.unreadable(f"The autoscale formula has a syntax error. {error}")
        )


def _scaling(pool: BatchPoolCreateOptions, now: int, period: Duration) -> Mapping[str, Any] | None:
    """Raises FormulaSyntaxError."""
    if not pool.enable_auto_scale or not isinstance(pool.auto_scale_formula, str):
        return None
    Formula.parse(pool.auto_scale_formula)
    interval = pool.auto_scale_evaluation_interval or INTERVAL
    return begun(Scaling(pool.auto_scale_formula, interval), now, period)


def why_no_room(pool: Mapping[str, Any], cores: int, nodes: int, limits: Limits) -> Failure | None:
    """Why there is no room for a pool of these columns, with so many cores of the account and so many nodes
    of all accounts in use."""
    wanted = pool["target_dedicated"] + pool["target_low_priority"]
    return why_not(wanted, pool["node_cores"], Usage(cores, nodes), limits)


def why_not(nodes: int, cores_each: int, usage: Usage, limits: Limits) -> Failure | None:
    """Why no pool of so many nodes can be made for a job: there is no room for a single one of them. A pool
    that gets some of them is made, as one would be that is added by itself."""
    granted, refusal = grant(nodes, cores_each, usage, limits)
    if granted or refusal is None:
        return None
    return Failure("usererror", QUOTA_REACHED, f"{_said(refusal, cores_each)} {_NEXT}")


_NEXT = "Remove nodes of other pools, or raise it, and add the job again."


def _said(refusal: Refusal, cores_each: int) -> str:
    if refusal.rule == "core quota":
        cores = "1 core" if cores_each == 1 else f"{cores_each} cores"
        return (
            f"The account's core quota of {refusal.limit} leaves no room for a single node of the job's "
            f"pool, which takes {cores}."
        )
    return (
        f"This service has as many nodes as its setting max_nodes allows ({refusal.limit}): there is no room "
        "for a single node of the job's pool."
    )
