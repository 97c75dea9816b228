"""Operations of the protocol that this service does not have yet: refused by name, and printed in the docs.

A 404 would be worse than useless: clients take it for the absence of the pool or job they named.
"""

from __future__ import annotations

from typing import NoReturn

from batchite.batch.call import Call
from batchite.batch.operations import Operation
from batchite.wire.batch.errors import BatchError

PAGE = "/-/supported"
"""Where the service tells what it has."""

_POOL, _NODE = "/pools/{poolId}", "/pools/{poolId}/nodes/{nodeId}"
_JOB, _TASK, _SCHEDULE = "/jobs/{jobId}", "/jobs/{jobId}/tasks/{taskId}", "/jobschedules/{jobScheduleId}"


async def _refuse(_call: Call) -> NoReturn:
    raise AssertionError("an absent operation is refused before it is called")


def _absent(name: str, verb: str, path: str, since: str = "", until: str = "") -> Operation:
    return Operation(name, verb, path, _refuse, since=since, until=until)


OPERATIONS = (
    _absent("Pool_Patch", "PATCH", _POOL),
    _absent("Pool_UpdateProperties", "POST", f"{_POOL}/updateproperties"),
    _absent("Pool_Resize", "POST", f"{_POOL}/resize"),
    _absent("Pool_StopResize", "POST", f"{_POOL}/stopresize"),
    _absent("Pool_RemoveNodes", "POST", f"{_POOL}/removenodes"),
    _absent("Pool_EnableAutoScale", "POST", f"{_POOL}/enableautoscale"),
    _absent("Pool_DisableAutoScale", "POST", f"{_POOL}/disableautoscale"),
    _absent("Pool_EvaluateAutoScale", "POST", f"{_POOL}/evaluateautoscale"),
    _absent("Pool_ListUsageMetrics", "GET", "/poolusagemetrics"),
    _absent("ComputeNode_Reboot", "POST", f"{_NODE}/reboot"),
    _absent("ComputeNode_Reimage", "POST", f"{_NODE}/reimage"),
    _absent("ComputeNode_Deallocate", "POST", f"{_NODE}/deallocate", since="2024-07-01.20.0"),
    _absent("ComputeNode_Start", "POST", f"{_NODE}/start", since="2024-07-01.20.0"),
    _absent("ComputeNode_DisableScheduling", "POST", f"{_NODE}/disablescheduling"),
    _absent("ComputeNode_EnableScheduling", "POST", f"{_NODE}/enablescheduling"),
    _absent("ComputeNode_AddUser", "POST", f"{_NODE}/users"),
    _absent("ComputeNode_UpdateUser", "PUT", f"{_NODE}/users/{{userName}}"),
    _absent("ComputeNode_DeleteUser", "DELETE", f"{_NODE}/users/{{userName}}"),
    _absent("ComputeNode_GetRemoteLoginSettings", "GET", f"{_NODE}/remoteloginsettings"),
    _absent(
        "ComputeNode_UploadBatchServiceLogs",
        "POST",
        f"{_NODE}/uploadbatchservicelogs",
        since="2018-03-01.6.1",
    ),
    _absent("ComputeNodeExtension_List", "GET", f"{_NODE}/extensions", since="2021-06-01.14.0"),
    _absent(
        "ComputeNodeExtension_Get", "GET", f"{_NODE}/extensions/{{extensionName}}", since="2021-06-01.14.0"
    ),
    _absent("Job_Disable", "POST", f"{_JOB}/disable"),
    _absent("Job_Enable", "POST", f"{_JOB}/enable"),
    _absent("Job_ListPreparationAndReleaseTaskStatus", "GET", f"{_JOB}/jobpreparationandreleasetaskstatus"),
    _absent("Task_Update", "PUT", _TASK),
    _absent("Task_Reactivate", "POST", f"{_TASK}/reactivate", since="2016-07-01.3.1"),
    _absent("Task_ListSubtasks", "GET", f"{_TASK}/subtasksinfo"),
    _absent("JobSchedule_List", "GET", "/jobschedules"),
    _absent("JobSchedule_Add", "POST", "/jobschedules"),
    _absent("JobSchedule_Exists", "HEAD", _SCHEDULE),
    _absent("JobSchedule_Get", "GET", _SCHEDULE),
    _absent("JobSchedule_Patch", "PATCH", _SCHEDULE),
    _absent("JobSchedule_Update", "PUT", _SCHEDULE),
    _absent("JobSchedule_Delete", "DELETE", _SCHEDULE),
    _absent("JobSchedule_Disable", "POST", f"{_SCHEDULE}/disable"),
    _absent("JobSchedule_Enable", "POST", f"{_SCHEDULE}/enable"),
    _absent("JobSchedule_Terminate", "POST", f"{_SCHEDULE}/terminate"),
    _absent("Job_ListFromJobSchedule", "GET", f"{_SCHEDULE}/jobs"),
    _absent("Application_List", "GET", "/applications"),
    _absent("Application_Get", "GET", "/applications/{applicationId}"),
    _absent("ComputeNode_GetRemoteDesktop", "GET", f"{_NODE}/rdp", until="2024-02-01.19.0"),
    _absent("Pool_UpgradeOs", "POST", f"{_POOL}/upgradeos", until="2018-08-01.7.0"),
    _absent("Pool_GetAllLifetimeStatistics", "GET", "/lifetimepoolstats", until="2022-10-01.16.0"),
    _absent("Job_GetAllLifetimeStatistics", "GET", "/lifetimejobstats", until="2022-10-01.16.0"),
    _absent("Certificate_List", "GET", "/certificates", until="2024-07-01.20.0"),
    _absent("Certificate_Add", "POST", "/certificates", until="2024-07-01.20.0"),
)

_NAMES = frozenset(entry.name for entry in OPERATIONS)


def check(name: str, base_url: str) -> None:
    """Raises BatchError NotImplemented for an operation of the table."""
    if name in _NAMES:
        detail = f"{name} is not supported by this service yet; {base_url}{PAGE} lists what is."
        raise BatchError("NotImplemented", detail, (("Operation", name),))
