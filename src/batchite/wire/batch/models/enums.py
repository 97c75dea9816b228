"""Enumerations: read without regard to case, written as the service writes them."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class WireEnum(StrEnum):
    """Base of all enumerations: a value in any letter case names its member."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        folded = str(value).lower()
        return next((member for member in cls if member.value.lower() == folded), None)


class AccessScope(WireEnum):
    JOB = "job"


class AllocationState(WireEnum):
    STEADY = "steady"
    RESIZING = "resizing"
    STOPPING = "stopping"


class AutoUserScope(WireEnum):
    TASK = "task"
    POOL = "pool"


class BatchAllTasksCompleteMode(WireEnum):
    NO_ACTION = "noaction"
    TERMINATE_JOB = "terminatejob"


class BatchCertificateFormat(WireEnum):
    PFX = "pfx"
    CER = "cer"


class BatchCertificateState(WireEnum):
    ACTIVE = "active"
    DELETING = "deleting"
    DELETE_FAILED = "deletefailed"


class BatchCertificateStoreLocation(WireEnum):
    CURRENT_USER = "currentuser"
    LOCAL_MACHINE = "localmachine"


class BatchCertificateVisibility(WireEnum):
    START_TASK = "starttask"
    TASK = "task"
    REMOTE_USER = "remoteuser"


class BatchErrorSourceCategory(WireEnum):
    USER_ERROR = "usererror"
    SERVER_ERROR = "servererror"


class BatchJobActionKind(WireEnum):
    NONE = "none"
    DISABLE = "disable"
    TERMINATE = "terminate"


class BatchJobDefaultOrder(WireEnum):
    NONE = "none"
    CREATION_TIME = "creationtime"


class BatchJobPreparationTaskState(WireEnum):
    RUNNING = "running"
    COMPLETED = "completed"


class BatchJobReleaseTaskState(WireEnum):
    RUNNING = "running"
    COMPLETED = "completed"


class BatchJobScheduleState(WireEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    DISABLED = "disabled"
    TERMINATING = "terminating"
    DELETING = "deleting"


class BatchJobState(WireEnum):
    ACTIVE = "active"
    DISABLING = "disabling"
    DISABLED = "disabled"
    ENABLING = "enabling"
    TERMINATING = "terminating"
    COMPLETED = "completed"
    DELETING = "deleting"


class BatchNodeCommunicationMode(WireEnum):
    DEFAULT = "default"
    CLASSIC = "classic"
    SIMPLIFIED = "simplified"


class BatchNodeDeallocateOption(WireEnum):
    REQUEUE = "requeue"
    TERMINATE = "terminate"
    TASK_COMPLETION = "taskcompletion"
    RETAINED_DATA = "retaineddata"


class BatchNodeDeallocationOption(WireEnum):
    """What becomes of the tasks of a node that is to take no more of them."""

    REQUEUE = "requeue"
    TERMINATE = "terminate"
    TASK_COMPLETION = "taskcompletion"
    RETAINED_DATA = "retaineddata"


class BatchNodeDisableSchedulingOption(WireEnum):
    REQUEUE = "requeue"
    TERMINATE = "terminate"
    TASK_COMPLETION = "taskcompletion"


class BatchNodeFillType(WireEnum):
    SPREAD = "Spread"
    PACK = "Pack"


class BatchNodePlacementPolicyType(WireEnum):
    REGIONAL = "regional"
    ZONAL = "zonal"


class BatchNodeRebootKind(WireEnum):
    REQUEUE = "requeue"
    TERMINATE = "terminate"
    TASK_COMPLETION = "taskcompletion"
    RETAINED_DATA = "retaineddata"


class BatchNodeReimageOption(WireEnum):
    REQUEUE = "requeue"
    TERMINATE = "terminate"
    TASK_COMPLETION = "taskcompletion"
    RETAINED_DATA = "retaineddata"


class BatchNodeState(WireEnum):
    IDLE = "idle"
    REBOOTING = "rebooting"
    REIMAGING = "reimaging"
    RUNNING = "running"
    UNUSABLE = "unusable"
    CREATING = "creating"
    STARTING = "starting"
    WAITING_FOR_START_TASK = "waitingforstarttask"
    START_TASK_FAILED = "starttaskfailed"
    UNKNOWN = "unknown"
    LEAVING_POOL = "leavingpool"
    OFFLINE = "offline"
    PREEMPTED = "preempted"
    UPGRADING_OS = "upgradingos"
    DEALLOCATED = "deallocated"
    DEALLOCATING = "deallocating"


class BatchPoolIdentityType(WireEnum):
    USER_ASSIGNED = "UserAssigned"
    NONE = "None"


class BatchPoolLifetimeOption(WireEnum):
    JOB_SCHEDULE = "jobschedule"
    JOB = "job"


class BatchPoolState(WireEnum):
    ACTIVE = "active"
    DELETING = "deleting"


class BatchStartTaskState(WireEnum):
    RUNNING = "running"
    COMPLETED = "completed"


class BatchTaskAddStatus(WireEnum):
    SUCCESS = "success"
    CLIENT_ERROR = "clienterror"
    SERVER_ERROR = "servererror"


class BatchTaskExecutionResult(WireEnum):
    SUCCESS = "success"
    FAILURE = "failure"


class BatchTaskFailureMode(WireEnum):
    NO_ACTION = "noaction"
    PERFORM_EXIT_OPTIONS_JOB_ACTION = "performexitoptionsjobaction"


class BatchSubtaskState(WireEnum):
    PREPARING = "preparing"
    RUNNING = "running"
    COMPLETED = "completed"


class BatchTaskState(WireEnum):
    ACTIVE = "active"
    PREPARING = "preparing"
    RUNNING = "running"
    COMPLETED = "completed"


class CachingType(WireEnum):
    NONE = "none"
    READ_ONLY = "readonly"
    READ_WRITE = "readwrite"


class ContainerHostDataPath(WireEnum):
    SHARED = "Shared"
    STARTUP = "Startup"
    VFS_MOUNTS = "VfsMounts"
    TASK = "Task"
    JOB_PREP = "JobPrep"
    APPLICATIONS = "Applications"


class ContainerType(WireEnum):
    DOCKER_COMPATIBLE = "dockerCompatible"
    CRI_COMPATIBLE = "criCompatible"


class ContainerWorkingDirectory(WireEnum):
    TASK_WORKING_DIRECTORY = "taskWorkingDirectory"
    CONTAINER_IMAGE_DEFAULT = "containerImageDefault"


class DependencyAction(WireEnum):
    SATISFY = "satisfy"
    BLOCK = "block"


class DiffDiskPlacement(WireEnum):
    CACHE_DISK = "cachedisk"


class DisableBatchJobOption(WireEnum):
    REQUEUE = "requeue"
    TERMINATE = "terminate"
    WAIT = "wait"


class DiskEncryptionTarget(WireEnum):
    OS_DISK = "osdisk"
    TEMPORARY_DISK = "temporarydisk"


class DynamicVNetAssignmentScope(WireEnum):
    NONE = "none"
    JOB = "job"


class ElevationLevel(WireEnum):
    NON_ADMIN = "nonadmin"
    ADMIN = "admin"


class HostEndpointSettingsModeTypes(WireEnum):
    AUDIT = "Audit"
    ENFORCE = "Enforce"


class IPFamily(WireEnum):
    IPV4 = "IPv4"
    IPV6 = "IPv6"


class ImageVerificationType(WireEnum):
    VERIFIED = "verified"
    UNVERIFIED = "unverified"


class InboundEndpointProtocol(WireEnum):
    TCP = "tcp"
    UDP = "udp"


class IpAddressProvisioningType(WireEnum):
    BATCH_MANAGED = "batchmanaged"
    USER_MANAGED = "usermanaged"
    NO_PUBLIC_IP_ADDRESSES = "nopublicipaddresses"


class LoginMode(WireEnum):
    BATCH = "batch"
    INTERACTIVE = "interactive"


class NetworkSecurityGroupRuleAccess(WireEnum):
    ALLOW = "allow"
    DENY = "deny"


class OSType(WireEnum):
    LINUX = "linux"
    WINDOWS = "windows"


class OutputFileUploadCondition(WireEnum):
    TASK_SUCCESS = "tasksuccess"
    TASK_FAILURE = "taskfailure"
    TASK_COMPLETION = "taskcompletion"


class SchedulingState(WireEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class SecurityEncryptionTypes(WireEnum):
    DISK_WITH_VMGUEST_STATE = "DiskWithVMGuestState"
    NON_PERSISTED_TPM = "NonPersistedTPM"
    VMGUEST_STATE_ONLY = "VMGuestStateOnly"


class SecurityTypes(WireEnum):
    TRUSTED_LAUNCH = "trustedLaunch"
    CONFIDENTIAL_VM = "confidentialvm"


class StatusLevelTypes(WireEnum):
    ERROR = "Error"
    INFO = "Info"
    WARNING = "Warning"


class StorageAccountType(WireEnum):
    STANDARD_LRS = "standard_lrs"
    PREMIUM_LRS = "premium_lrs"
    STANDARD_SSD_LRS = "standardssd_lrs"


class UpgradeMode(WireEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    ROLLING = "rolling"
