"""What a task depends on, and what its end leads to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET

from batchite.wire.batch.errors import BatchError, invalid_property
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.task_rules import (
    BatchTaskDependencies,
    BatchTaskIdRange,
    ExitCodeRangeMapping,
    ExitConditions,
    ExitOptions,
)
from batchite.wire.batch.validation import rules

MOST_CHARACTERS = 64_000
"""Of all ids together; and, since nothing is known of another bound, of the numbers of all ranges."""


def check(where: str, dependencies: Maybe[BatchTaskDependencies], *, uses_dependencies: bool) -> None:
    if not dependencies:
        return
    if not uses_dependencies:
        raise _refused(
            "TaskDependenciesNotSpecifiedOnJob",
            where,
            f"Leave {where} out, or add the task to a job with usesTaskDependencies true.",
        )
    ids, ranges = dependencies.task_ids or (), dependencies.task_id_ranges or ()
    if (length := sum(map(len, ids))) > MOST_CHARACTERS:
        rule = f"{where}.taskIds has {length} characters, and may have {MOST_CHARACTERS}: use taskIdRanges."
        raise _refused("TaskDependencyListTooLong", f"{where}.taskIds", rule)
    for place, task_id in enumerate(ids):
        rules.check_id(f"{where}.taskIds[{place}]", task_id)
    for place, one in enumerate(ranges):
        _check_range(f"{where}.taskIdRanges[{place}]", one)
    if (length := sum(len(f"{one.start}{one.end}") for one in ranges)) > MOST_CHARACTERS:
        rule = (
            f"The numbers in {where}.taskIdRanges have {length} characters, and may have {MOST_CHARACTERS}."
        )
        raise _refused("TaskDependencyRangesTooLong", f"{where}.taskIdRanges", f"{rule} Join ranges.")


def check_exits(
    where: str, conditions: Maybe[ExitConditions], *, uses_dependencies: bool, acts_on_exits: bool
) -> None:
    if not conditions:
        return
    for place, one in enumerate(conditions.exit_code_ranges or ()):
        _check_range(f"{where}.exitCodeRanges[{place}]", one)
    for name, options in _options(conditions):
        if options.dependency_action and not uses_dependencies:
            rule = "can be given only if usesTaskDependencies of the job is true"
            raise invalid_property(f"{where}.{name}.dependencyAction", options.dependency_action, rule)
        if options.job_action and not acts_on_exits:
            rule = "can be given only if onTaskFailure of the job is performexitoptionsjobaction"
            raise invalid_property(f"{where}.{name}.jobAction", options.job_action, rule)


class _Named(NamedTuple):
    name: str
    options: ExitOptions


def _options(conditions: ExitConditions) -> Iterator[_Named]:
    for place, code in enumerate(conditions.exit_codes or ()):
        yield _Named(f"exitCodes[{place}].exitOptions", code.exit_options)
    for place, codes in enumerate(conditions.exit_code_ranges or ()):
        yield _Named(f"exitCodeRanges[{place}].exitOptions", codes.exit_options)
    for name, options in (
        ("preProcessingError", conditions.pre_processing_error),
        ("fileUploadError", conditions.file_upload_error),
        ("default", conditions.default),
    ):
        if options is not UNSET and options is not None:
            yield _Named(name, options)


def _check_range(where: str, one: BatchTaskIdRange | ExitCodeRangeMapping) -> None:
    if one.start > one.end:
        raise invalid_property(f"{where}.start", one.start, f"must not be more than the end, {one.end}")


def _refused(code: str, where: str, reason: str) -> BatchError:
    return BatchError(code, reason, (("PropertyName", where), ("Reason", reason)))
