"""The tasks that belong to a job itself: manager, preparation, release."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import (
    BatchApplicationPackageReference,
    EnvironmentSetting,
    UserIdentity,
)
from batchite.wire.batch.models.containers import BatchTaskContainerSettings
from batchite.wire.batch.models.fields import Int32, Maybe, Model
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.transfers import OutputFile, ResourceFile
from batchite.wire.ticks import Duration


class BatchJobManagerTask(Model, frozen=True, kw_only=True):
    """A task that steers its job and is started with it."""

    id: str
    display_name: Maybe[str] = UNSET
    command_line: str
    container_settings: Maybe[BatchTaskContainerSettings] = UNSET
    resource_files: Maybe[tuple[ResourceFile, ...]] = UNSET
    output_files: Maybe[tuple[OutputFile, ...]] = UNSET
    environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    constraints: Maybe[BatchTaskConstraints] = UNSET
    required_slots: Maybe[Int32] = UNSET
    kill_job_on_completion: Maybe[bool] = UNSET
    user_identity: Maybe[UserIdentity] = UNSET
    run_exclusive: Maybe[bool] = UNSET
    application_package_references: Maybe[tuple[BatchApplicationPackageReference, ...]] = UNSET
    allow_low_priority_node: Maybe[bool] = UNSET


class BatchJobPreparationTask(Model, frozen=True, kw_only=True):
    """Runs once per node before the first task of the job there."""

    id: Maybe[str] = UNSET
    command_line: str
    container_settings: Maybe[BatchTaskContainerSettings] = UNSET
    resource_files: Maybe[tuple[ResourceFile, ...]] = UNSET
    environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    constraints: Maybe[BatchTaskConstraints] = UNSET
    wait_for_success: Maybe[bool] = UNSET
    user_identity: Maybe[UserIdentity] = UNSET
    rerun_on_node_reboot_after_success: Maybe[bool] = UNSET


class BatchJobReleaseTask(Model, frozen=True, kw_only=True):
    """Runs on the nodes of a job when the job ends."""

    id: Maybe[str] = UNSET
    command_line: str
    container_settings: Maybe[BatchTaskContainerSettings] = UNSET
    resource_files: Maybe[tuple[ResourceFile, ...]] = UNSET
    environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    max_wall_clock_time: Maybe[Duration] = UNSET
    retention_time: Maybe[Duration] = UNSET
    user_identity: Maybe[UserIdentity] = UNSET
