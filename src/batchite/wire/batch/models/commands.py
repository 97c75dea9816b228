"""Commands that nodes run, whoever they belong to: start tasks, tasks, and those of a job itself."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import (
    BatchApplicationPackageReference,
    EnvironmentSetting,
    UserIdentity,
)
from batchite.wire.batch.models.containers import BatchTaskContainerSettings
from batchite.wire.batch.models.enums import AccessScope
from batchite.wire.batch.models.fields import Int32, Maybe, Model
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.transfers import OutputFile, ResourceFile


class CommandShape(Model, frozen=True, kw_only=True):
    """What every command has that runs on a node."""

    command_line: str
    container_settings: Maybe[BatchTaskContainerSettings] = UNSET
    resource_files: Maybe[tuple[ResourceFile, ...]] = UNSET
    environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    user_identity: Maybe[UserIdentity] = UNSET


class AuthenticationTokenSettings(Model, frozen=True, kw_only=True):
    """What the token of a task is good for: what versions up to 2024-07-01.20.0 know."""

    access: Maybe[tuple[AccessScope, ...]] = UNSET


class TaskShape(CommandShape, frozen=True, kw_only=True):
    """What every task has that takes slots of a node."""

    id: str
    display_name: Maybe[str] = UNSET
    output_files: Maybe[tuple[OutputFile, ...]] = UNSET
    constraints: Maybe[BatchTaskConstraints] = UNSET
    required_slots: Maybe[Int32] = UNSET
    application_package_references: Maybe[tuple[BatchApplicationPackageReference, ...]] = UNSET
    authentication_token_settings: Maybe[AuthenticationTokenSettings] = UNSET
