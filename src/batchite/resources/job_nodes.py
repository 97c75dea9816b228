"""How a job's preparation and release ran on a node, as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

from msgspec import UNSET

from batchite.resources.rules import JobRules
from batchite.resources.showing import Address, decoded, given, moment
from batchite.resources.tasks import directory
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.enums import (
    BatchJobPreparationTaskState,
    BatchJobReleaseTaskState,
    BatchTaskExecutionResult,
)
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.job_tasks import (
    BatchJobPreparationAndReleaseTaskStatus,
    BatchJobPreparationTaskExecutionInfo,
    BatchJobReleaseTaskExecutionInfo,
)
from batchite.wire.ticks import Timestamp

JobTask = Literal["preparation", "release"]
PREPARATION: Final[JobTask] = "preparation"
RELEASE: Final[JobTask] = "release"
FilesDue = Literal["preparation-retention", "release-retention"]
FILES_DUE: Final[Mapping[JobTask, FilesDue]] = {
    PREPARATION: "preparation-retention",
    RELEASE: "release-retention",
}
"""What is due at the time when files of either are to go, of a job that is over."""


class JobNodeRow(Protocol):
    """A node on which a job's preparation or release has run."""

    number: int
    job_no: int
    node_id: str
    pool_id: str
    preparation_state: str | None
    preparation_start: int | None
    preparation_end: int | None
    preparation_exit_code: int | None
    preparation_result: str | None
    preparation_failure: bytes | None
    preparation_retries: int
    preparation_last_retry: int | None
    release_state: str | None
    release_start: int | None
    release_end: int | None
    release_exit_code: int | None
    release_result: str | None
    release_failure: bytes | None


def shown(
    row: JobNodeRow, job_id: str, rules: JobRules, url: Address
) -> BatchJobPreparationAndReleaseTaskStatus:
    return BatchJobPreparationAndReleaseTaskStatus(
        pool_id=row.pool_id,
        node_id=row.node_id,
        node_url=url("pools", row.pool_id, "nodes", row.node_id),
        job_preparation_task_execution_info=_preparation(row, job_id, rules, url),
        job_release_task_execution_info=_release(row, job_id, rules, url),
    )


def _preparation(
    row: JobNodeRow, job_id: str, rules: JobRules, url: Address
) -> Given[BatchJobPreparationTaskExecutionInfo]:
    state = row.preparation_state
    if row.preparation_start is None or state is None or rules.preparation is None:
        return UNSET
    return BatchJobPreparationTaskExecutionInfo(
        state=BatchJobPreparationTaskState(state),
        retry_count=row.preparation_retries,
        last_retry_time=moment(row.preparation_last_retry),
        **_run(row, PREPARATION, directory(job_id, rules.preparation.id), url),
    )


def _release(
    row: JobNodeRow, job_id: str, rules: JobRules, url: Address
) -> Given[BatchJobReleaseTaskExecutionInfo]:
    state = row.release_state
    if row.release_start is None or state is None or rules.release is None:
        return UNSET
    return BatchJobReleaseTaskExecutionInfo(
        state=BatchJobReleaseTaskState(state),
        **_run(row, RELEASE, directory(job_id, rules.release.id), url),
    )


def _run(row: JobNodeRow, task: JobTask, root: str, url: Address) -> dict[str, Any]:
    """What both have."""

    def of(name: str) -> Any:
        return getattr(row, f"{task}_{name}")

    found = of("result")
    return {
        "start_time": Timestamp(of("start")),
        "end_time": moment(of("end")),
        "task_root_directory": root,
        "task_root_directory_url": f"{url('pools', row.pool_id, 'nodes', row.node_id)}/files/{root}",
        "exit_code": given(of("exit_code")),
        "failure_info": decoded(of("failure"), BatchTaskFailureInfo),
        "result": BatchTaskExecutionResult(found) if found else UNSET,
    }
