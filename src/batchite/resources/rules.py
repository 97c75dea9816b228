"""What scheduling may know of definitions, all of it: made once, where a definition is accepted, and stored
beside it.

A new rule has a default that says what was so far; it is left out where it says nothing else. Times are
ticks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, Self

import msgspec

from batchite.resources.showing import Defined
from batchite.wire.batch import codec, images
from batchite.wire.batch.models.enums import (
    BatchAllTasksCompleteMode,
    BatchJobDefaultOrder,
    BatchNodeFillType,
)
from batchite.wire.batch.models.jobs import BatchJobConstraints, BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, BatchTaskSchedulingPolicy
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions


class Rules(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`gc=False`: values without cycles need no tracking."""


class StartTaskRules(Rules, frozen=True):
    """Of a pool's start task; `definition` is its JSON."""

    definition: bytes
    wait_for_success: bool = True
    max_retries: int = 0
    """negative: without end"""

    @classmethod
    def of(cls, start_task: BatchStartTask) -> Self:
        return cls(
            codec.encode(start_task),
            wait_for_success=start_task.wait_for_success is not False,
            max_retries=start_task.max_task_retry_count or 0,
        )


class PoolRules(Rules, frozen=True):
    slots_per_node: int = 1
    fill: Literal["spread", "pack"] = "spread"
    oldest_job_first: bool = False
    start_task: StartTaskRules | None = None
    image: str = ""
    """PUBLISHER:OFFER:SKU:VERSION; empty, as for pools of the past: none in particular"""

    @classmethod
    def of(cls, pool: BatchPoolCreateOptions) -> Self:
        policy = pool.task_scheduling_policy or BatchTaskSchedulingPolicy()
        machine = pool.virtual_machine_configuration
        return cls(
            slots_per_node=pool.task_slots_per_node or 1,
            fill="pack" if policy.node_fill_type is BatchNodeFillType.PACK else "spread",
            oldest_job_first=policy.job_default_order is BatchJobDefaultOrder.CREATION_TIME,
            start_task=StartTaskRules.of(pool.start_task) if pool.start_task else None,
            image=images.urn(machine.image_reference) if machine else "",
        )


class JobRules(Rules, frozen=True):
    priority: int = 0
    max_parallel_tasks: int = -1
    """negative: any number"""
    max_wall_clock_time: int | None = None
    terminates_when_done: bool = False
    max_task_retries: int = 0
    """what tasks get that do not say it themselves"""
    common_environment: bytes = b""
    """JSON of `commonEnvironmentSettings`, empty if there are none"""

    @classmethod
    def of(cls, job: BatchJobCreateOptions) -> Self:
        constraints = job.constraints or BatchJobConstraints()
        limit, environment = constraints.max_wall_clock_time, job.common_environment_settings
        return cls(
            priority=job.priority or 0,
            max_parallel_tasks=job.max_parallel_tasks or -1,
            max_wall_clock_time=limit.ticks if limit and not limit.is_infinite else None,
            terminates_when_done=job.on_all_tasks_complete is BatchAllTasksCompleteMode.TERMINATE_JOB,
            max_task_retries=constraints.max_task_retry_count or 0,
            common_environment=codec.encode(environment) if environment else b"",
        )


class TaskRules(Rules, frozen=True):
    max_retries: int = 0
    """negative: without end"""

    @classmethod
    def of(cls, task: BatchTaskCreateOptions) -> Self:
        constraints = task.constraints or BatchTaskConstraints()
        return cls(max_retries=constraints.max_task_retry_count or 0)


PLAIN = TaskRules()
"""Of most tasks; they are stored without."""

_encoder = msgspec.msgpack.Encoder()
_pool_decoder = msgspec.msgpack.Decoder(PoolRules)
_job_decoder = msgspec.msgpack.Decoder(JobRules)
_task_decoder = msgspec.msgpack.Decoder(TaskRules)


def encode(rules: Rules) -> bytes | None:
    """As they are stored."""
    return None if rules == PLAIN else _encoder.encode(rules)


def of_stored_pool(pool: Defined) -> PoolRules:
    """A pool that is older than its rules has none; they are made of its definition."""
    if pool.rules is None:
        return PoolRules.of(codec.decode(pool.definition, BatchPoolCreateOptions))
    return _pool_decoder.decode(pool.rules)


def of_stored_job(job: Defined) -> JobRules:
    """As `of_stored_pool`."""
    if job.rules is None:
        return JobRules.of(codec.decode(job.definition, BatchJobCreateOptions))
    return _job_decoder.decode(job.rules)


@lru_cache(maxsize=1024)
def of_stored_task(rules: bytes | None) -> TaskRules:
    """Many tasks share theirs."""
    return PLAIN if rules is None else _task_decoder.decode(rules)
