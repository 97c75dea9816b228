"""The tasks of a job itself: its manager, preparation before the first task on a node, release at the end.

Who says nothing of the user has them run by that of the pool, as the service shows it; its documentation has
users of their own for manager and release.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from batchite.wire.batch.errors import invalid_property, taken_property
from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.job_tasks import (
    BatchJobManagerTask,
    BatchJobPreparationTask,
    BatchJobReleaseTask,
)
from batchite.wire.batch.models.jobs import JobShape
from batchite.wire.batch.validation import applications, output_files, rules
from batchite.wire.batch.validation.tasks import (
    RETENTION,
    check_constraints,
    constraints_of,
    user_identity,
)
from batchite.wire.ticks import Duration

MANAGER: Final = "jobManagerTask"
PREPARATION: Final = "jobPreparationTask"
RELEASE: Final = "jobReleaseTask"
PREPARATION_ID: Final = "jobpreparation"
RELEASE_ID: Final = "jobrelease"
"""The ids of those that say none."""
LONGEST_RELEASE: Final = Duration.of(minutes=15)


def check(job: JobShape, where: str = "") -> None:
    """Raises BatchError. `job` is without nulls; `where` goes before the names in errors."""
    preparation, release = job.job_preparation_task, job.job_release_task
    if job.job_manager_task:
        _check_manager(f"{where}{MANAGER}", job.job_manager_task)
    if preparation:
        _check_command(f"{where}{PREPARATION}", preparation, preparation.id)
        if preparation.constraints:
            check_constraints(f"{where}{PREPARATION}.constraints", preparation.constraints)
    if release:
        _check_command(f"{where}{RELEASE}", release, release.id)
        _check_times(f"{where}{RELEASE}", release)
        if not preparation:
            rule = (
                "must not be given without jobPreparationTask, since release runs where preparation has "
                "completed; add one, such as one with the command line true"
            )
            raise invalid_property(f"{where}{RELEASE}", release.id or RELEASE_ID, rule)
    _check_ids(job, where)


def managed(
    task: BatchJobManagerTask, job_retries: int, retention: Duration = RETENTION
) -> BatchJobManagerTask:
    """The checked manager task with its defaults; see `prepared`."""
    return replace(
        task,
        constraints=constraints_of(task.constraints, job_retries, retention),
        required_slots=1,
        kill_job_on_completion=task.kill_job_on_completion is not False,
        run_exclusive=task.run_exclusive is not False,
        allow_low_priority_node=task.allow_low_priority_node is not False,
        user_identity=user_identity(task.user_identity),
    )


def prepared(
    task: BatchJobPreparationTask, job_retries: int, retention: Duration = RETENTION
) -> BatchJobPreparationTask:
    """The checked preparation task with its defaults. `job_retries` is the retry count that the job gives to
    tasks without constraints."""
    return replace(
        task,
        id=task.id or PREPARATION_ID,
        constraints=constraints_of(task.constraints, job_retries, retention),
        wait_for_success=task.wait_for_success is not False,
        user_identity=user_identity(task.user_identity),
        rerun_on_node_reboot_after_success=task.rerun_on_node_reboot_after_success is not False,
    )


def released(task: BatchJobReleaseTask) -> BatchJobReleaseTask:
    """The checked release task with its defaults."""
    return replace(
        task,
        id=task.id or RELEASE_ID,
        max_wall_clock_time=task.max_wall_clock_time or LONGEST_RELEASE,
        retention_time=task.retention_time or RETENTION,
        user_identity=user_identity(task.user_identity),
    )


def _check_manager(where: str, task: BatchJobManagerTask) -> None:
    _check_command(where, task, task.id)
    rules.check_display_name(f"{where}.displayName", task.display_name)
    applications.check_references(
        f"{where}.applicationPackageReferences", task.application_package_references
    )
    output_files.check(f"{where}.outputFiles", task.output_files)
    if isinstance(task.required_slots, int) and task.required_slots != 1:
        rule = "must be 1 or left out; with runExclusive, the default, a manager has its whole node"
        raise invalid_property(f"{where}.requiredSlots", task.required_slots, rule)
    if task.constraints:
        check_constraints(f"{where}.constraints", task.constraints)


def _check_command(where: str, task: CommandShape, id: Maybe[str]) -> None:
    if isinstance(id, str):
        rules.check_id(f"{where}.id", id)
    rules.check_command_line(f"{where}.commandLine", task.command_line)
    rules.check_environment(f"{where}.environmentSettings", task.environment_settings)
    rules.check_resource_files(f"{where}.resourceFiles", task.resource_files)
    rules.check_user_identity(f"{where}.userIdentity", task.user_identity)
    rules.check_files_size(f"{where}.resourceFiles", task.resource_files)


def _check_times(where: str, release: BatchJobReleaseTask) -> None:
    rules.check_duration(f"{where}.maxWallClockTime", release.max_wall_clock_time, Duration(1))
    rules.check_duration(f"{where}.retentionTime", release.retention_time, Duration(0))
    limit = release.max_wall_clock_time
    if isinstance(limit, Duration) and limit > LONGEST_RELEASE:
        rule = f"must be at most {LONGEST_RELEASE}"
        raise invalid_property(f"{where}.maxWallClockTime", str(limit), rule)


def _check_ids(job: JobShape, where: str) -> None:
    """Each is a directory of the job on its nodes, as that of every task of it."""
    preparation, release, manager = job.job_preparation_task, job.job_release_task, job.job_manager_task
    if preparation and release:
        id = release.id or RELEASE_ID
        if id.lower() == (preparation.id or PREPARATION_ID).lower():
            raise invalid_property(f"{where}{RELEASE}.id", id, f"must be another than that of {PREPARATION}")
    if manager:
        check_id(
            manager.id,
            (preparation.id or PREPARATION_ID) if preparation else "",
            (release.id or RELEASE_ID) if release else "",
            f"{where}{MANAGER}.",
        )


def check_id(id: str, preparation: str, release: str, where: str = "") -> None:
    """That a task's id is neither that of its job's preparation nor that of its release; empty: there is
    none. `where` goes before its name in errors. Raises BatchError."""
    for code, taken in (
        ("TaskIdSameAsJobPreparationTask", preparation),
        ("TaskIdSameAsJobReleaseTask", release),
    ):
        if taken and id.lower() == taken.lower():
            raise taken_property(code, f"{where}id", id, "is taken; add the task under another")
