"""What 2017-01-01.4.0 did otherwise than 2017-05-01.5.0."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from batchite.wire.batch import outcome
from batchite.wire.batch.models.commands import TaskShape
from batchite.wire.batch.models.job_tasks import BatchJobManagerTask, NodeRunShape
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import AutoScaleRun, BatchPool, PoolShape, TargetsShape
from batchite.wire.batch.models.start_tasks import BatchStartTaskInfo
from batchite.wire.batch.models.task_rules import ExitConditions
from batchite.wire.batch.models.tasks import BatchSubtask, BatchTaskExecutionInfo
from batchite.wire.batch.models.users import UserAccount
from batchite.wire.batch.versions.changes import Change, Converted, Moved, New, Renamed


def _first(errors: Sequence[object]) -> object:
    return next(iter(errors), None)


def _of_scheduling(failure: dict[str, Any]) -> dict[str, Any] | None:
    """A command that failed by itself was no error then: its exit code says so."""
    return None if failure.get("code") == outcome.EXIT_CODE else failure


def _of_one_kind(results: str) -> str:
    """There were no low-priority nodes, and the target was called otherwise."""
    return _TARGETS.sub(r"$TargetDedicated=\1", results)


_TARGETS = re.compile(r"^\$TargetDedicatedNodes=(\d+);\$TargetLowPriorityNodes=\d+")

_RUNS = BatchStartTaskInfo, BatchTaskExecutionInfo, BatchSubtask, NodeRunShape

CHANGES: tuple[Change, ...] = (
    Renamed(TargetsShape, targetDedicated="targetDedicatedNodes"),
    Renamed(BatchPool, currentDedicated="currentDedicatedNodes"),
    New(TargetsShape, "targetLowPriorityNodes"),
    New(PoolShape, "applicationLicenses"),
    New(BatchPool, "currentLowPriorityNodes"),
    Converted(BatchPool, "resizeError", "resizeErrors", lower=_first),
    Converted(AutoScaleRun, "results", "results", lower=_of_one_kind),
    New(BatchNode, "isDedicated"),
    New(TaskShape, "outputFiles"),
    New(BatchJobManagerTask, "allowLowPriorityNode"),
    New(ExitConditions, "fileUploadError"),
    Renamed(ExitConditions, schedulingError="preProcessingError"),
    New(_RUNS, "result"),
    Converted(_RUNS, "schedulingError", "failureInfo", lower=_of_scheduling),
    Moved(UserAccount, sshPrivateKey="linuxUserConfiguration.sshPrivateKey"),
)
