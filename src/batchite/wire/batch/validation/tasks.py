"""Tasks to add."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from batchite.wire.batch import honoured
from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.common import AutoUserSpecification, UserIdentity
from batchite.wire.batch.models.enums import AutoUserScope, ElevationLevel
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.tasks import (
    BatchTaskCreateOptions,
    BatchTaskGroup,
    BatchTaskReplaceOptions,
)
from batchite.wire.batch.validation import applications, dependencies, output_files, rules
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.ticks import INFINITE, Duration

MAX_COLLECTION = 100
MAX_SLOTS = 256
RETENTION = Duration.of(days=7)

_SHORTEST_RUN = Duration(1)
_UNSAID = {
    scope: UserIdentity(
        auto_user=AutoUserSpecification(scope=scope, elevation_level=ElevationLevel.NON_ADMIN)
    )
    for scope in AutoUserScope
}


class OfJob(NamedTuple):
    """What a job says about its tasks."""

    retries: int = 0
    """of tasks without constraints"""
    uses_dependencies: bool = False
    acts_on_exits: bool = False
    """its onTaskFailure is performexitoptionsjobaction"""


def accept(
    options: BatchTaskCreateOptions, job: OfJob, where: str = "", retention: Duration = RETENTION
) -> BatchTaskCreateOptions:
    """The task with its defaults, or a BatchError.

    `retention` is the retention time that the API version of the request gives. `where` goes before the names
    in errors, such as `value[3].` for an item of a collection.
    """
    options = without_nulls(options)
    _check(options, job, where)
    honoured.check(options, where)
    return replace(
        options,
        constraints=constraints_of(options.constraints, job.retries, retention),
        required_slots=options.required_slots or 1,
        user_identity=user_identity(options.user_identity),
    )


def replaced(
    task: BatchTaskCreateOptions,
    options: BatchTaskReplaceOptions,
    job_retries: int,
    retention: Duration = RETENTION,
) -> BatchTaskCreateOptions:
    """The accepted task with the constraints that are given and the defaults of those that are not, or a
    BatchError; see `accept`."""
    constraints = without_nulls(options).constraints
    if constraints:
        check_constraints("constraints", constraints)
        honoured.check(constraints, "constraints.")
    return replace(task, constraints=constraints_of(constraints, job_retries, retention))


def check_group(group: BatchTaskGroup) -> None:
    """Rules of the collection itself; its tasks are accepted one by one."""
    count = len(group.value)
    if not 1 <= count <= MAX_COLLECTION:
        raise invalid_property("value", f"{count} tasks", f"must have 1 to {MAX_COLLECTION} tasks")


def user_identity(
    identity: Maybe[UserIdentity], scope_of_none: AutoUserScope = AutoUserScope.POOL
) -> UserIdentity:
    """Who runs the task, with the defaults. `scope_of_none`: the scope where nothing is said at all."""
    if identity and identity.username:
        return identity
    if not identity or not identity.auto_user:
        return _UNSAID[scope_of_none]
    user = identity.auto_user
    scope, elevation = user.scope or AutoUserScope.POOL, user.elevation_level or ElevationLevel.NON_ADMIN
    return UserIdentity(auto_user=AutoUserSpecification(scope=scope, elevation_level=elevation))


def _check(options: BatchTaskCreateOptions, job: OfJob, where: str) -> None:
    rules.check_id(f"{where}id", options.id)
    if options.display_name:
        rules.check_display_name(f"{where}displayName", options.display_name)
    rules.check_command_line(f"{where}commandLine", options.command_line)
    if options.environment_settings:
        rules.check_environment(f"{where}environmentSettings", options.environment_settings)
    if options.resource_files:
        rules.check_resource_files(f"{where}resourceFiles", options.resource_files)
    if packages := options.application_package_references:
        applications.check_references(f"{where}applicationPackageReferences", packages)
    if options.output_files:
        output_files.check(f"{where}outputFiles", options.output_files)
    rules.check_range(f"{where}requiredSlots", options.required_slots, 1, MAX_SLOTS)
    if options.user_identity:
        rules.check_user_identity(f"{where}userIdentity", options.user_identity)
    if options.constraints:
        check_constraints(f"{where}constraints", options.constraints)
    uses = job.uses_dependencies
    if options.depends_on:
        dependencies.check(f"{where}dependsOn", options.depends_on, uses_dependencies=uses)
    if options.exit_conditions:
        dependencies.check_exits(
            f"{where}exitConditions",
            options.exit_conditions,
            uses_dependencies=uses,
            acts_on_exits=job.acts_on_exits,
        )


def check_constraints(where: str, constraints: BatchTaskConstraints) -> None:
    """Raises BatchError."""
    rules.check_duration(f"{where}.maxWallClockTime", constraints.max_wall_clock_time, _SHORTEST_RUN)
    rules.check_duration(f"{where}.retentionTime", constraints.retention_time, Duration(0))
    rules.check_retries(f"{where}.maxTaskRetryCount", constraints.max_task_retry_count)


def constraints_of(
    given: Maybe[BatchTaskConstraints], job_retries: int, retention: Duration
) -> BatchTaskConstraints:
    """With the defaults; see `accept`."""
    if not given:
        return _default_constraints(job_retries, retention.ticks)
    return BatchTaskConstraints(
        max_wall_clock_time=given.max_wall_clock_time or INFINITE,
        retention_time=given.retention_time or RETENTION,
        max_task_retry_count=given.max_task_retry_count or 0,
    )


@lru_cache(maxsize=64)
def _default_constraints(job_retries: int, retention: int) -> BatchTaskConstraints:
    return BatchTaskConstraints(
        max_wall_clock_time=INFINITE, retention_time=Duration(retention), max_task_retry_count=job_retries
    )
