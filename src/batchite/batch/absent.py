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

_TABLE = (
    ("Pool_Patch", "PATCH", _POOL),
    ("Pool_UpdateProperties", "POST", f"{_POOL}/updateproperties"),
    ("Pool_Resize", "POST", f"{_POOL}/resize"),
    ("Pool_StopResize", "POST", f"{_POOL}/stopresize"),
    ("Pool_RemoveNodes", "POST", f"{_POOL}/removenodes"),
    ("Pool_EnableAutoScale", "POST", f"{_POOL}/enableautoscale"),
    ("Pool_DisableAutoScale", "POST", f"{_POOL}/disableautoscale"),
    ("Pool_EvaluateAutoScale", "POST", f"{_POOL}/evaluateautoscale"),
    ("Pool_ListUsageMetrics", "GET", "/poolusagemetrics"),
    ("ComputeNode_Reboot", "POST", f"{_NODE}/reboot"),
    ("ComputeNode_Reimage", "POST", f"{_NODE}/reimage"),
    ("ComputeNode_Deallocate", "POST", f"{_NODE}/deallocate"),
    ("ComputeNode_Start", "POST", f"{_NODE}/start"),
    ("ComputeNode_DisableScheduling", "POST", f"{_NODE}/disablescheduling"),
    ("ComputeNode_EnableScheduling", "POST", f"{_NODE}/enablescheduling"),
    ("ComputeNode_AddUser", "POST", f"{_NODE}/users"),
    ("ComputeNode_UpdateUser", "PUT", f"{_NODE}/users/{{userName}}"),
    ("ComputeNode_DeleteUser", "DELETE", f"{_NODE}/users/{{userName}}"),
    ("ComputeNode_GetRemoteLoginSettings", "GET", f"{_NODE}/remoteloginsettings"),
    ("ComputeNode_UploadBatchServiceLogs", "POST", f"{_NODE}/uploadbatchservicelogs"),
    ("ComputeNodeExtension_List", "GET", f"{_NODE}/extensions"),
    ("ComputeNodeExtension_Get", "GET", f"{_NODE}/extensions/{{extensionName}}"),
    ("Job_Disable", "POST", f"{_JOB}/disable"),
    ("Job_Enable", "POST", f"{_JOB}/enable"),
    ("Job_ListPreparationAndReleaseTaskStatus", "GET", f"{_JOB}/jobpreparationandreleasetaskstatus"),
    ("Task_Update", "PUT", _TASK),
    ("Task_Reactivate", "POST", f"{_TASK}/reactivate"),
    ("Task_ListSubtasks", "GET", f"{_TASK}/subtasksinfo"),
    ("JobSchedule_List", "GET", "/jobschedules"),
    ("JobSchedule_Add", "POST", "/jobschedules"),
    ("JobSchedule_Exists", "HEAD", _SCHEDULE),
    ("JobSchedule_Get", "GET", _SCHEDULE),
    ("JobSchedule_Patch", "PATCH", _SCHEDULE),
    ("JobSchedule_Update", "PUT", _SCHEDULE),
    ("JobSchedule_Delete", "DELETE", _SCHEDULE),
    ("JobSchedule_Disable", "POST", f"{_SCHEDULE}/disable"),
    ("JobSchedule_Enable", "POST", f"{_SCHEDULE}/enable"),
    ("JobSchedule_Terminate", "POST", f"{_SCHEDULE}/terminate"),
    ("Job_ListFromJobSchedule", "GET", f"{_SCHEDULE}/jobs"),
    ("Application_List", "GET", "/applications"),
    ("Application_Get", "GET", "/applications/{applicationId}"),
)


async def _refuse(_call: Call) -> NoReturn:
    raise AssertionError("an absent operation is refused before it is called")


OPERATIONS = tuple(Operation(name, verb, path, _refuse) for name, verb, path in _TABLE)

_NAMES = frozenset(name for name, _, _ in _TABLE)


def check(name: str, base_url: str) -> None:
    """Raises BatchError NotImplemented for an operation of the table."""
    if name in _NAMES:
        detail = f"{name} is not supported by this service yet; {base_url}{PAGE} lists what is."
        raise BatchError("NotImplemented", detail, (("Operation", name),))
