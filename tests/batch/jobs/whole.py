"""Jobs that say everything that may be said of one, but for what is refused."""

from __future__ import annotations

from typing import Any, Final

from tests.batch.pools.whole import PAST as PAST_POOL
from tests.batch.pools.whole import POOL
from tests.batch.tasks.whole import COMMAND, CONSTRAINTS, OF_SLOTS, OTHER_COMMAND

_PREPARATION: Final = {
    "id": "before",
    "constraints": CONSTRAINTS,
    "waitForSuccess": False,
    "rerunOnNodeRebootAfterSuccess": False,
}
_RELEASE: Final = {"id": "after", "maxWallClockTime": "PT5M", "retentionTime": "P1D"}
_MANAGER: Final = {
    "id": "manager",
    **OF_SLOTS,
    "requiredSlots": 1,
    "killJobOnCompletion": False,
    "runExclusive": False,
    "allowLowPriorityNode": False,
}


def _job(command: dict[str, Any], pool: dict[str, Any]) -> dict[str, Any]:
    return {
        "displayName": "All of it \u2603",
        "usesTaskDependencies": True,
        "priority": -7,
        "allowTaskPreemption": True,
        "maxParallelTasks": 5,
        "constraints": {"maxWallClockTime": "P3D", "maxTaskRetryCount": 2},
        "jobManagerTask": {**command, **_MANAGER},
        "jobPreparationTask": {**command, **_PREPARATION},
        "jobReleaseTask": {**command, **_RELEASE},
        "commonEnvironmentSettings": [{"name": "C", "value": "d"}],
        "poolInfo": pool,
        "onAllTasksComplete": "noaction",
        "onTaskFailure": "performexitoptionsjobaction",
        "networkConfiguration": {"subnetId": "/subnets/s", "skipWithdrawFromVNet": True},
        "metadata": [{"name": "a", "value": "b"}, {"name": "a", "value": ""}],
    }


def _pool(**besides: Any) -> dict[str, Any]:
    pool = {name: value for name, value in POOL.items() if name != "id"}
    specification = {
        "autoPoolIdPrefix": "of-it",
        "poolLifetimeOption": "job",
        "keepAlive": True,
        "pool": {**pool, **besides},
    }
    return {"autoPoolSpecification": specification}


SPECIFICATION: Final = _job(COMMAND, _pool())
PAST_SPECIFICATION: Final = _job(COMMAND, _pool(**PAST_POOL))
"""With what only older versions have."""
OTHER_SPECIFICATION: Final = _job(OTHER_COMMAND, {"poolId": "Pool"})

JOB: Final = {"id": "Whole", **SPECIFICATION}
PAST_JOB: Final = {"id": "Whole", **PAST_SPECIFICATION}
OTHER_JOB: Final = {"id": "Whole", **OTHER_SPECIFICATION}
