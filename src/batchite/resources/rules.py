"""What scheduling may know of definitions, all of it: made once, where a definition is accepted, and stored
beside it.

A new rule has a default that says what was so far; it is left out where it says nothing else. Times are
ticks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, Self

import msgspec
from msgspec.structs import replace

from batchite.resources.applications import Reference, references
from batchite.resources.showing import Defined, node_of_affinity
from batchite.wire.batch import codec, images
from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.common import EnvironmentSetting
from batchite.wire.batch.models.enums import (
    BatchAllTasksCompleteMode,
    BatchJobActionKind,
    BatchJobDefaultOrder,
    BatchNodeFillType,
    BatchTaskFailureMode,
    DependencyAction,
    ElevationLevel,
)
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.job_schedules import BatchJobScheduleConfiguration
from batchite.wire.batch.models.job_tasks import (
    BatchJobManagerTask,
    BatchJobPreparationTask,
    BatchJobReleaseTask,
)
from batchite.wire.batch.models.jobs import BatchJobConstraints, BatchJobCreateOptions
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, BatchTaskSchedulingPolicy
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.task_rules import BatchTaskConstraints, ExitConditions, ExitOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.models.users import LinuxUserConfiguration, UserAccount
from batchite.wire.ticks import MAX_TICKS, Duration

RETENTION: Final = Duration.of(days=7).ticks


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


class Ports(Rules, frozen=True):
    """A range of which each node of the pool has one, by the name of its NAT pool."""

    name: str
    first: int
    last: int


class UserRules(Rules, frozen=True):
    """Of a user account of a pool."""

    name: str
    is_admin: bool = False
    number: int | None = None
    """that it is to have on nodes"""


class PoolRules(Rules, frozen=True):
    slots_per_node: int = 1
    fill: Literal["spread", "pack"] = "spread"
    oldest_job_first: bool = False
    start_task: StartTaskRules | None = None
    image: str = ""
    """PUBLISHER:OFFER:SKU:VERSION; empty, as for pools of the past: none in particular"""
    ports: tuple[Ports, ...] = ()
    users: tuple[UserRules, ...] = ()
    packages: tuple[Reference, ...] = ()
    """of applications, that nodes are given when they boot"""

    @classmethod
    def of(cls, pool: BatchPoolCreateOptions) -> Self:
        policy = pool.task_scheduling_policy or BatchTaskSchedulingPolicy()
        machine = pool.virtual_machine_configuration
        return cls(
            slots_per_node=pool.task_slots_per_node or 1,
            fill="pack" if policy.node_fill_type is BatchNodeFillType.PACK else "spread",
            oldest_job_first=policy.job_default_order is BatchJobDefaultOrder.CREATION_TIME,
            start_task=StartTaskRules.of(pool.start_task) if pool.start_task else None,
            image=images.urn(images.of_machine(machine)) if machine else "",
            ports=tuple(_ports(pool.network_configuration)),
            users=tuple(map(_user, pool.user_accounts or ())),
            packages=references(pool.application_package_references),
        )


def _ports(network: Maybe[NetworkConfiguration]) -> Iterator[Ports]:
    endpoints = network.endpoint_configuration if network else None
    for one in endpoints.inbound_nat_pools if endpoints else ():
        yield Ports(one.name, one.frontend_port_range_start, one.frontend_port_range_end)


def _user(account: UserAccount) -> UserRules:
    linux = account.linux_user_configuration or LinuxUserConfiguration()
    is_admin = account.elevation_level is ElevationLevel.ADMIN
    return UserRules(account.name, is_admin, linux.uid or None)


class PreparationRules(Rules, frozen=True):
    """Of a job's preparation task; `definition` is its JSON, with the environment that all tasks of the job
    have."""

    id: str
    definition: bytes
    wait_for_success: bool = True
    reruns: bool = True
    """before the next task of the job on a node that has booted since"""
    max_retries: int = 0
    """negative: without end"""
    retention: int = MAX_TICKS
    """how long its files are kept once it has run; for ever by rules that were stored when they were"""

    @classmethod
    def of(cls, task: BatchJobPreparationTask, common: Maybe[tuple[EnvironmentSetting, ...]]) -> Self:
        constraints = task.constraints or BatchTaskConstraints()
        return cls(
            task.id or "",
            codec.encode(replace(task, environment_settings=_together(task, common))),
            wait_for_success=task.wait_for_success is not False,
            reruns=task.rerun_on_node_reboot_after_success is not False,
            max_retries=constraints.max_task_retry_count or 0,
            retention=_kept(constraints.retention_time),
        )


class ReleaseRules(Rules, frozen=True):
    """The same of its release task, whose limit is where those of other tasks are."""

    id: str
    definition: bytes
    retention: int = MAX_TICKS

    @classmethod
    def of(cls, task: BatchJobReleaseTask, common: Maybe[tuple[EnvironmentSetting, ...]]) -> Self:
        constraints = BatchTaskConstraints(
            max_wall_clock_time=task.max_wall_clock_time, retention_time=task.retention_time
        )
        plain = codec.to_builtins(replace(task, environment_settings=_together(task, common)))
        definition = codec.encode({**plain, "constraints": codec.to_builtins(constraints)})
        return cls(task.id or "", definition, _kept(task.retention_time))


def _kept(retention: Maybe[Duration]) -> int:
    return retention.ticks if retention else RETENTION


def _together(
    task: CommandShape, common: Maybe[tuple[EnvironmentSetting, ...]]
) -> tuple[EnvironmentSetting, ...]:
    """A task's own setting of the same name wins."""
    own = task.environment_settings or ()
    names = {setting.name for setting in own}
    return (*(setting for setting in common or () if setting.name not in names), *own)


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
    has_auto_pool: bool = False
    """its pool was made for it"""
    uses_dependencies: bool = False
    acts_on_exits: bool = False
    """what the ends of its tasks lead to, it does"""
    preparation: PreparationRules | None = None
    release: ReleaseRules | None = None
    """there is none without a preparation"""
    gives_way: bool = False
    """its tasks are ended, and wait again, where those of jobs of higher priority lack room"""

    @classmethod
    def of(cls, job: BatchJobCreateOptions) -> Self:
        constraints = job.constraints or BatchJobConstraints()
        limit, environment = constraints.max_wall_clock_time, job.common_environment_settings
        prepares, releases = job.job_preparation_task, job.job_release_task
        return cls(
            priority=job.priority or 0,
            max_parallel_tasks=job.max_parallel_tasks or -1,
            max_wall_clock_time=limit.ticks if limit and not limit.is_infinite else None,
            terminates_when_done=job.on_all_tasks_complete is BatchAllTasksCompleteMode.TERMINATE_JOB,
            max_task_retries=constraints.max_task_retry_count or 0,
            common_environment=codec.encode(environment) if environment else b"",
            has_auto_pool=bool(job.pool_info.auto_pool_specification),
            uses_dependencies=bool(job.uses_task_dependencies),
            acts_on_exits=job.on_task_failure is BatchTaskFailureMode.PERFORM_EXIT_OPTIONS_JOB_ACTION,
            preparation=PreparationRules.of(prepares, environment) if prepares else None,
            release=ReleaseRules.of(releases, environment) if releases else None,
            gives_way=bool(job.allow_task_preemption),
        )


JobAction = Literal["none", "disable", "terminate"]


class ExitRules(Rules, frozen=True):
    """What a certain end of a task leads to; None: what is usual."""

    satisfies: bool | None = None
    """tasks that depend on it may go on"""
    job_action: JobAction | None = None

    @classmethod
    def of(cls, options: ExitOptions) -> Self:
        action, job = options.dependency_action, options.job_action
        return cls(action is DependencyAction.SATISFY if action else None, _JOB_ACTIONS[job] if job else None)


_JOB_ACTIONS: Final[dict[BatchJobActionKind, JobAction]] = {
    BatchJobActionKind.NONE: "none",
    BatchJobActionKind.DISABLE: "disable",
    BatchJobActionKind.TERMINATE: "terminate",
}


class ExitConditionRules(Rules, frozen=True):
    codes: tuple[tuple[int, int, ExitRules], ...] = ()
    """from the first to the last, both included; those that are met first count"""
    pre_processing_error: ExitRules | None = None
    file_upload_error: ExitRules | None = None
    default: ExitRules | None = None

    @classmethod
    def of(cls, conditions: ExitConditions) -> Self:
        single = ((one.code, one.code, one.exit_options) for one in conditions.exit_codes or ())
        ranges = ((one.start, one.end, one.exit_options) for one in conditions.exit_code_ranges or ())
        return cls(
            tuple((first, last, ExitRules.of(options)) for first, last, options in (*single, *ranges)),
            _exit(conditions.pre_processing_error),
            _exit(conditions.file_upload_error),
            _exit(conditions.default),
        )


def _exit(options: Maybe[ExitOptions]) -> ExitRules | None:
    return ExitRules.of(options) if options else None


class ManagerRules(Rules, frozen=True):
    """Of the manager task of a job."""

    runs_alone: bool = True
    """on its node"""
    kills_job: bool = True
    """when it is over, so is the job"""
    takes_low_priority: bool = True

    @classmethod
    def of(cls, manager: BatchJobManagerTask) -> Self:
        return cls(
            runs_alone=manager.run_exclusive is not False,
            kills_job=manager.kill_job_on_completion is not False,
            takes_low_priority=manager.allow_low_priority_node is not False,
        )


class TaskRules(Rules, frozen=True):
    max_retries: int = 0
    """negative: without end"""
    retention: int = RETENTION
    """how long its files are kept on its node once it is over"""
    wall_clock: int | None = None
    """how long a run may take, where that was changed after the task was added: an agent that has it already
    goes by what it was given"""
    exits: ExitConditionRules | None = None
    near: str | None = None
    """the id of the node that it likes to run on, if there is such"""
    manager: ManagerRules | None = None
    """of a task that manages its job"""

    @classmethod
    def of(cls, task: BatchTaskCreateOptions) -> Self:
        constraints = task.constraints or BatchTaskConstraints()
        kept = constraints.retention_time
        return cls(
            max_retries=constraints.max_task_retry_count or 0,
            retention=kept.ticks if kept else RETENTION,
            near=node_of_affinity(task.affinity_info.affinity_id) if task.affinity_info else None,
            exits=ExitConditionRules.of(task.exit_conditions) if task.exit_conditions else None,
        )


class ScheduleRules(Rules, frozen=True):
    """When jobs of a job schedule are made."""

    do_not_run_until: int = 0
    do_not_run_after: int | None = None
    start_window: int | None = None
    """None: any time up to the next run"""
    recurrence_interval: int | None = None
    """None: it is one job"""

    @classmethod
    def of(cls, schedule: BatchJobScheduleConfiguration) -> Self:
        until, after = schedule.do_not_run_until, schedule.do_not_run_after
        return cls(
            do_not_run_until=until.ticks if until else 0,
            do_not_run_after=after.ticks if after else None,
            start_window=_finite(schedule.start_window),
            recurrence_interval=_finite(schedule.recurrence_interval),
        )


def _finite(given: Maybe[Duration]) -> int | None:
    return given.ticks if given and not given.is_infinite else None


PLAIN = TaskRules()
"""Of most tasks; they are stored without."""

_encoder = msgspec.msgpack.Encoder()
_start_task_decoder = msgspec.msgpack.Decoder(StartTaskRules)
_pool_decoder = msgspec.msgpack.Decoder(PoolRules)
_job_decoder = msgspec.msgpack.Decoder(JobRules)
_schedule_decoder = msgspec.msgpack.Decoder(ScheduleRules)
_task_decoder = msgspec.msgpack.Decoder(TaskRules)


def encode(rules: Rules) -> bytes | None:
    """As they are stored."""
    return None if rules == PLAIN else _encoder.encode(rules)


def of_stored_pool(pool: Defined) -> PoolRules:
    """A pool that is older than its rules has none; they are made of its definition."""
    if pool.rules is None:
        return PoolRules.of(codec.decode(pool.definition, BatchPoolCreateOptions))
    return _pool_decoder.decode(pool.rules)


@lru_cache(maxsize=64)
def of_stored_start_task(rules: bytes | None) -> StartTaskRules | None:
    """That of a node. Most nodes of a pool share theirs."""
    return None if rules is None else _start_task_decoder.decode(rules)


def of_stored_job(job: Defined) -> JobRules:
    """As `of_stored_pool`."""
    if job.rules is None:
        return JobRules.of(codec.decode(job.definition, BatchJobCreateOptions))
    return _job_decoder.decode(job.rules)


def of_stored_schedule(rules: bytes) -> ScheduleRules:
    return _schedule_decoder.decode(rules)


@lru_cache(maxsize=1024)
def of_stored_task(rules: bytes | None) -> TaskRules:
    """Many tasks share theirs."""
    return PLAIN if rules is None else _task_decoder.decode(rules)
