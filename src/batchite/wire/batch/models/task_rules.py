"""What a task says about its end, its dependencies and its placement."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.enums import BatchJobActionKind, DependencyAction
from batchite.wire.batch.models.fields import Int32, Maybe, Model
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.ticks import Duration


class BatchAffinityInfo(Model, frozen=True, kw_only=True):
    """A node or earlier task near which the task likes to run."""

    affinity_id: str


class BatchTaskConstraints(Model, frozen=True, kw_only=True):
    """Limits of a task: time of one run, retention after its end, retries (-1 = without end)."""

    max_wall_clock_time: Maybe[Duration] = UNSET
    retention_time: Maybe[Duration] = UNSET
    max_task_retry_count: Maybe[Int32] = UNSET


class BatchTaskIdRange(Model, frozen=True, kw_only=True):
    """Task ids from start to end, both included."""

    start: Int32
    end: Int32


class BatchTaskDependencies(Model, frozen=True, kw_only=True):
    """Tasks that must be satisfied first."""

    task_ids: Maybe[tuple[str, ...]] = UNSET
    task_id_ranges: Maybe[tuple[BatchTaskIdRange, ...]] = UNSET


class ExitOptions(Model, frozen=True, kw_only=True):
    """What happens after a certain end."""

    job_action: Maybe[BatchJobActionKind] = UNSET
    dependency_action: Maybe[DependencyAction] = UNSET


class ExitCodeMapping(Model, frozen=True, kw_only=True):
    """An exit code and what it leads to."""

    code: Int32
    exit_options: ExitOptions


class ExitCodeRangeMapping(Model, frozen=True, kw_only=True):
    """Exit codes from start to end, both included, and what they lead to."""

    start: Int32
    end: Int32
    exit_options: ExitOptions


class ExitConditions(Model, frozen=True, kw_only=True):
    """What the ends of a task lead to."""

    exit_codes: Maybe[tuple[ExitCodeMapping, ...]] = UNSET
    exit_code_ranges: Maybe[tuple[ExitCodeRangeMapping, ...]] = UNSET
    pre_processing_error: Maybe[ExitOptions] = UNSET
    file_upload_error: Maybe[ExitOptions] = UNSET
    default: Maybe[ExitOptions] = UNSET


class MultiInstanceSettings(Model, frozen=True, kw_only=True):
    """A task that runs on several nodes at once."""

    number_of_instances: Maybe[Int32] = UNSET
    coordination_command_line: str
    common_resource_files: Maybe[tuple[ResourceFile, ...]] = UNSET
