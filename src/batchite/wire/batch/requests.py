"""The operations of the protocol: by which request each is asked for, and in which versions.

All of them, whether or not this service has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Request(NamedTuple):
    """`path` as a route has it; part of the API versions from `since` to `until`, where these are given."""

    verb: str
    path: str
    since: str = ""
    until: str = ""


_POOL, _NODE = "/pools/{poolId}", "/pools/{poolId}/nodes/{nodeId}"
_JOB, _TASK, _SCHEDULE = "/jobs/{jobId}", "/jobs/{jobId}/tasks/{taskId}", "/jobschedules/{jobScheduleId}"
_CERTIFICATE = "/certificates({certificate})"
_TASK_FILES, _NODE_FILES = f"{_TASK}/files", f"{_NODE}/files"

REQUESTS: Final[Mapping[str, Request]] = {
    "Account_ListPoolNodeCounts": Request("GET", "/nodecounts", since="2018-03-01.6.1"),
    "Account_ListSupportedImages": Request("GET", "/supportedimages", since="2019-06-01.9.0"),
    "Account_ListNodeAgentSkus": Request("GET", "/nodeagentskus", until="2018-12-01.8.0"),
    "Pool_Add": Request("POST", "/pools"),
    "Pool_List": Request("GET", "/pools"),
    "Pool_Get": Request("GET", _POOL),
    "Pool_Exists": Request("HEAD", _POOL),
    "Pool_Delete": Request("DELETE", _POOL),
    "Pool_Patch": Request("PATCH", _POOL),
    "Pool_UpdateProperties": Request("POST", f"{_POOL}/updateproperties"),
    "Pool_Resize": Request("POST", f"{_POOL}/resize"),
    "Pool_StopResize": Request("POST", f"{_POOL}/stopresize"),
    "Pool_RemoveNodes": Request("POST", f"{_POOL}/removenodes"),
    "Pool_EnableAutoScale": Request("POST", f"{_POOL}/enableautoscale"),
    "Pool_DisableAutoScale": Request("POST", f"{_POOL}/disableautoscale"),
    "Pool_EvaluateAutoScale": Request("POST", f"{_POOL}/evaluateautoscale"),
    "Pool_ListUsageMetrics": Request("GET", "/poolusagemetrics"),
    "Pool_UpgradeOs": Request("POST", f"{_POOL}/upgradeos", until="2018-08-01.7.0"),
    "Pool_GetAllLifetimeStatistics": Request("GET", "/lifetimepoolstats", until="2022-10-01.16.0"),
    "ComputeNode_List": Request("GET", f"{_POOL}/nodes"),
    "ComputeNode_Get": Request("GET", _NODE),
    "ComputeNode_Reboot": Request("POST", f"{_NODE}/reboot"),
    "ComputeNode_Reimage": Request("POST", f"{_NODE}/reimage"),
    "ComputeNode_Deallocate": Request("POST", f"{_NODE}/deallocate", since="2024-07-01.20.0"),
    "ComputeNode_Start": Request("POST", f"{_NODE}/start", since="2024-07-01.20.0"),
    "ComputeNode_DisableScheduling": Request("POST", f"{_NODE}/disablescheduling"),
    "ComputeNode_EnableScheduling": Request("POST", f"{_NODE}/enablescheduling"),
    "ComputeNode_AddUser": Request("POST", f"{_NODE}/users"),
    "ComputeNode_UpdateUser": Request("PUT", f"{_NODE}/users/{{userName}}"),
    "ComputeNode_DeleteUser": Request("DELETE", f"{_NODE}/users/{{userName}}"),
    "ComputeNode_GetRemoteLoginSettings": Request("GET", f"{_NODE}/remoteloginsettings"),
    "ComputeNode_UploadBatchServiceLogs": Request(
        "POST", f"{_NODE}/uploadbatchservicelogs", since="2018-03-01.6.1"
    ),
    "ComputeNode_GetRemoteDesktop": Request("GET", f"{_NODE}/rdp", until="2024-02-01.19.0"),
    "ComputeNodeExtension_List": Request("GET", f"{_NODE}/extensions", since="2021-06-01.14.0"),
    "ComputeNodeExtension_Get": Request(
        "GET", f"{_NODE}/extensions/{{extensionName}}", since="2021-06-01.14.0"
    ),
    "Job_Add": Request("POST", "/jobs"),
    "Job_List": Request("GET", "/jobs"),
    "Job_Get": Request("GET", _JOB),
    "Job_Patch": Request("PATCH", _JOB),
    "Job_Update": Request("PUT", _JOB),
    "Job_Terminate": Request("POST", f"{_JOB}/terminate"),
    "Job_Delete": Request("DELETE", _JOB),
    "Job_GetTaskCounts": Request("GET", f"{_JOB}/taskcounts", since="2017-06-01.5.1"),
    "Job_Disable": Request("POST", f"{_JOB}/disable"),
    "Job_Enable": Request("POST", f"{_JOB}/enable"),
    "Job_ListPreparationAndReleaseTaskStatus": Request("GET", f"{_JOB}/jobpreparationandreleasetaskstatus"),
    "Job_ListFromJobSchedule": Request("GET", f"{_SCHEDULE}/jobs"),
    "Job_GetAllLifetimeStatistics": Request("GET", "/lifetimejobstats", until="2022-10-01.16.0"),
    "Task_Add": Request("POST", f"{_JOB}/tasks"),
    "Task_AddCollection": Request("POST", f"{_JOB}/addtaskcollection"),
    "Task_List": Request("GET", f"{_JOB}/tasks"),
    "Task_Get": Request("GET", _TASK),
    "Task_Terminate": Request("POST", f"{_TASK}/terminate"),
    "Task_Delete": Request("DELETE", _TASK),
    "Task_Update": Request("PUT", _TASK),
    "Task_Reactivate": Request("POST", f"{_TASK}/reactivate", since="2016-07-01.3.1"),
    "Task_ListSubtasks": Request("GET", f"{_TASK}/subtasksinfo"),
    "File_ListFromTask": Request("GET", _TASK_FILES),
    "File_GetFromTask": Request("GET", f"{_TASK_FILES}/{{filePath...}}"),
    "File_GetPropertiesFromTask": Request("HEAD", f"{_TASK_FILES}/{{filePath...}}"),
    "File_DeleteFromTask": Request("DELETE", f"{_TASK_FILES}/{{filePath...}}"),
    "File_ListFromComputeNode": Request("GET", _NODE_FILES),
    "File_GetFromComputeNode": Request("GET", f"{_NODE_FILES}/{{filePath...}}"),
    "File_GetPropertiesFromComputeNode": Request("HEAD", f"{_NODE_FILES}/{{filePath...}}"),
    "File_DeleteFromComputeNode": Request("DELETE", f"{_NODE_FILES}/{{filePath...}}"),
    "JobSchedule_List": Request("GET", "/jobschedules"),
    "JobSchedule_Add": Request("POST", "/jobschedules"),
    "JobSchedule_Exists": Request("HEAD", _SCHEDULE),
    "JobSchedule_Get": Request("GET", _SCHEDULE),
    "JobSchedule_Patch": Request("PATCH", _SCHEDULE),
    "JobSchedule_Update": Request("PUT", _SCHEDULE),
    "JobSchedule_Delete": Request("DELETE", _SCHEDULE),
    "JobSchedule_Disable": Request("POST", f"{_SCHEDULE}/disable"),
    "JobSchedule_Enable": Request("POST", f"{_SCHEDULE}/enable"),
    "JobSchedule_Terminate": Request("POST", f"{_SCHEDULE}/terminate"),
    "Application_List": Request("GET", "/applications"),
    "Application_Get": Request("GET", "/applications/{applicationId}"),
    "Certificate_List": Request("GET", "/certificates", until="2024-07-01.20.0"),
    "Certificate_Add": Request("POST", "/certificates", until="2024-07-01.20.0"),
    "Certificate_Get": Request("GET", _CERTIFICATE, until="2024-07-01.20.0"),
    "Certificate_Delete": Request("DELETE", _CERTIFICATE, until="2024-07-01.20.0"),
    "Certificate_CancelDeletion": Request("POST", f"{_CERTIFICATE}/canceldelete", until="2024-07-01.20.0"),
}
"""By the names that the protocol's description has."""
