"""The tour with the command line of Azure, whose `az batch` speaks 2024-02-01.19.0."""

import asyncio
from pathlib import Path

import pytest
from tests.batch.clients import operations
from tests.batch.clients.tour import SCRIPT
from tests.clients import installing, programs

from batchite.testing import RunningService

pytestmark = pytest.mark.clients

PROGRAM = Path(__file__).parent / "programs" / "az_tour.py"
VERSION = "2024-02-01.19.0"
NOT_CALLED = {
    "Pool_Exists",
    "JobSchedule_Exists",
    "File_GetPropertiesFromTask",
    "File_GetPropertiesFromComputeNode",
    "ComputeNode_GetRemoteDesktop",
    "ComputeNode_Reimage",
    "ComputeNodeExtension_List",
    "ComputeNodeExtension_Get",
    *(f"Certificate_{what}" for what in ("Add", "List", "Get", "Delete", "CancelDeletion")),
}
"""Most have no command. That of files' properties, `file show`, fails whatever is answered: az 2.91 looks for
properties in an answer that has headers only."""

SEEN = {
    "pool again": "(PoolExists) The specified pool already exists.",
    "applications": [],
    "no application": "(ApplicationNotFound) The account has no such application with packages.",
    "no pool": "(PoolNotFound) The specified pool does not exist.",
    "pool": ["active", 1, 2, [{"name": "kind", "value": "tour"}]],
    "start task": [True, True],
    "pools": [{"id": "tour-az", "vmSize": "Standard_A1_v2"}],
    "stopped late": "(OperationInvalidForCurrentState) The operation is not valid in the resource's present "
    "state. Only a resize that is under way can be stopped, and the pool's allocationState is steady.",
    "sizes": [[2, 2], [1, 1]],
    "scaled": [True, "$TargetDedicatedNodes=1;"],
    "evaluated": True,
    "not scaled": False,
    "node": ["idle", 0, "success"],
    "pool changed": ["/bin/true", [{"name": "kind", "value": "reset"}], True],
    "node counts": [1, 1],
    "metrics so far": [],
    "login": ["127.0.0.1", True],
    "scheduling": [
        "disabled",
        (
            "(NodeAlreadyInTargetSchedulingState) The specified node is in that scheduling state already. "
            "Its schedulingState is disabled. Enable it instead, if that is what you want."
        ),
        "enabled",
    ],
    "rebooted": [True, 0],
    "logs": True,
    "user again": "(NodeUserExists) The node has a user of this name already. Update or delete it.",
    "no user": "(NodeUserNotFound) The node has no user of this name.",
    "job again": "(JobExists) The specified job already exists.",
    "priorities": [5, 7, 9],
    "not prepared": (
        "(JobPreparationTaskNotSpecified) The specified job has no preparation task. Its nodes have nothing "
        "to tell of: add jobs with a jobPreparationTask to have them prepared."
    ),
    "disabled": ["disabling", "enabling"],
    "schedule again": "(JobScheduleExists) The specified job schedule already exists.",
    "schedule": ["active", ["tour-az-nightly:job-1", "tour-az-nightly:job-1"]],
    "schedules": [["tour-az-nightly", [{"name": "kind", "value": "changed"}]]],
    "schedule anew": [7, None],
    "schedule ended": "TerminateJobSchedule",
    "schedule gone": "(JobScheduleNotFound) The specified job schedule does not exist.",
    "added": [["fails", "success"], ["stays", "success"]],
    "task again": "(TaskExists) The specified task already exists.",
    "ended": {"works": [0, "success"], "fails": [3, "failure"]},
    "counts": [0, 1, 2, 1, 1],
    "anew": [4, []],
    "completed": ["fails", "stays", "works"],
    "deleted": "(TaskNotFound) The specified task does not exist.",
    "task files": True,
    "task file": "more\n",
    "task file deleted": "(FileNotFound) The specified file does not exist.",
    "node files": True,
    "node file": SCRIPT.decode(),
    "node file deleted": "(FileNotFound) The specified file does not exist.",
    "job ended": "seen enough",
}


async def test_a_tour_with_az(batchite_service: RunningService, script_url: str, tmp_path: Path) -> None:
    python = await asyncio.to_thread(installing.python_client, "azure-cli")
    variables = {
        **batchite_service.variables,
        "AZURE_CONFIG_DIR": str(tmp_path),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }
    told = await programs.seen(python, "-I", PROGRAM, script_url, variables=variables)
    assert told["seen"] == SEEN
    assert operations.called(told["requests"], VERSION) == operations.there_are(VERSION) - NOT_CALLED
