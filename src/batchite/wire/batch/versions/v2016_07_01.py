"""What 2016-07-01.3.1 did otherwise than 2017-01-01.4.0."""

from __future__ import annotations

from typing import Any

from batchite.wire.batch.models.commands import CommandShape, TaskShape
from batchite.wire.batch.models.job_schedules import BatchJobSpecification
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.models.task_rules import ExitOptions
from batchite.wire.batch.versions.changes import Change, Converted, New


def _identity(elevated: object) -> dict[str, Any]:
    if not isinstance(elevated, bool):
        raise ValueError("must be true or false")
    return {"autoUser": {"elevationLevel": "admin" if elevated else "nonadmin"}}


def _is_elevated(identity: dict[str, Any]) -> bool:
    user: dict[str, Any] = identity.get("autoUser", {})
    return user.get("elevationLevel") == "admin"


CHANGES: tuple[Change, ...] = (
    Converted(CommandShape, "runElevated", "userIdentity", lift=_identity, lower=_is_elevated),
    New(TaskShape, "authenticationTokenSettings"),
    New(PoolShape, "userAccounts"),
    New(VirtualMachineConfiguration, "osDisk"),
    New(ExitOptions, "dependencyAction"),
    New(BatchJobSpecification, "onAllTasksComplete", "onTaskFailure"),
)
