"""Pools."""

from __future__ import annotations

from msgspec import UNSET, field

from batchite.wire.batch.models.common import (
    BatchApplicationPackageReference,
    BatchMetadataItem,
    NameValuePair,
)
from batchite.wire.batch.models.enums import (
    AllocationState,
    BatchCertificateStoreLocation,
    BatchCertificateVisibility,
    BatchJobDefaultOrder,
    BatchNodeCommunicationMode,
    BatchNodeDeallocationOption,
    BatchNodeFillType,
    BatchPoolIdentityType,
    BatchPoolState,
)
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model
from batchite.wire.batch.models.machines import UpgradePolicy, VirtualMachineConfiguration
from batchite.wire.batch.models.mounts import MountConfiguration
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.statistics import BatchPoolStatistics
from batchite.wire.batch.models.users import UserAccount
from batchite.wire.ticks import Duration, Timestamp


class BatchTaskSchedulingPolicy(Model, frozen=True, kw_only=True):
    """How tasks are laid on the nodes of a pool."""

    job_default_order: Maybe[BatchJobDefaultOrder] = UNSET
    node_fill_type: Maybe[BatchNodeFillType] = UNSET


class PoolErrorShape(Model, frozen=True, kw_only=True):
    """What went wrong with a pool."""

    code: Given[str] = UNSET
    message: Given[str] = UNSET
    values: Given[tuple[NameValuePair, ...]] = UNSET


class AutoScaleRunError(PoolErrorShape, frozen=True, kw_only=True):
    """Why an autoscale formula failed."""


class AutoScaleRun(Model, frozen=True, kw_only=True):
    """The last evaluation of an autoscale formula."""

    timestamp: Timestamp
    results: Given[str] = UNSET
    error: Given[AutoScaleRunError] = UNSET


class ResizeError(PoolErrorShape, frozen=True, kw_only=True):
    """Why the last resize did not reach its target."""


class BatchUserAssignedIdentity(Model, frozen=True, kw_only=True):
    """An identity of a pool."""

    resource_id: str
    client_id: Given[str] = UNSET
    principal_id: Given[str] = UNSET


class BatchPoolIdentity(Model, frozen=True, kw_only=True):
    """The identities of a pool."""

    type: BatchPoolIdentityType
    user_assigned_identities: Given[tuple[BatchUserAssignedIdentity, ...]] = UNSET


class BatchCertificateReference(Model, frozen=True, kw_only=True):
    """A certificate that nodes were to have: what versions up to 2024-07-01.20.0 know."""

    thumbprint: str
    thumbprint_algorithm: str
    store_location: Maybe[BatchCertificateStoreLocation] = UNSET
    store_name: Maybe[str] = UNSET
    visibility: Maybe[tuple[BatchCertificateVisibility, ...]] = UNSET


class TargetsShape(Model, frozen=True, kw_only=True):
    """How many nodes a pool is to have, and how long it may take to come to them."""

    resize_timeout: Maybe[Duration] = UNSET
    target_dedicated_nodes: Maybe[Int32] = UNSET
    target_low_priority_nodes: Maybe[Int32] = UNSET


class PoolShape(TargetsShape, frozen=True, kw_only=True):
    """What a client says of a pool, also of one that a job brings with it, and sees again."""

    display_name: Maybe[str] = UNSET
    vm_size: str
    virtual_machine_configuration: Maybe[VirtualMachineConfiguration] = UNSET
    enable_auto_scale: Maybe[bool] = UNSET
    auto_scale_formula: Maybe[str] = UNSET
    auto_scale_evaluation_interval: Maybe[Duration] = UNSET
    enable_inter_node_communication: Maybe[bool] = UNSET
    network_configuration: Maybe[NetworkConfiguration] = UNSET
    start_task: Maybe[BatchStartTask] = UNSET
    application_package_references: Maybe[tuple[BatchApplicationPackageReference, ...]] = UNSET
    task_slots_per_node: Maybe[Int32] = UNSET
    task_scheduling_policy: Maybe[BatchTaskSchedulingPolicy] = UNSET
    user_accounts: Maybe[tuple[UserAccount, ...]] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET
    mount_configuration: Maybe[tuple[MountConfiguration, ...]] = UNSET
    upgrade_policy: Maybe[UpgradePolicy] = UNSET
    # which only older versions have
    application_licenses: Maybe[tuple[str, ...]] = UNSET
    certificate_references: Maybe[tuple[BatchCertificateReference, ...]] = UNSET
    resource_tags: Maybe[dict[str, str]] = UNSET
    target_node_communication_mode: Maybe[BatchNodeCommunicationMode] = UNSET


class BatchPoolCreateOptions(PoolShape, frozen=True, kw_only=True):
    """A pool to add."""

    id: str


class PoolChangeShape(Model, frozen=True, kw_only=True):
    """What may be said anew of a pool at any time."""

    start_task: Maybe[BatchStartTask] = UNSET
    application_package_references: Maybe[tuple[BatchApplicationPackageReference, ...]] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET
    # which only older versions have
    certificate_references: Maybe[tuple[BatchCertificateReference, ...]] = UNSET
    target_node_communication_mode: Maybe[BatchNodeCommunicationMode] = UNSET


class BatchPoolReplaceOptions(PoolChangeShape, frozen=True, kw_only=True):
    """All of it; what is left out goes."""


class BatchPoolUpdateOptions(PoolChangeShape, frozen=True, kw_only=True):
    """What of a pool is to be another; what is left out stays. Most of it may change only while the pool has
    no nodes."""

    display_name: Maybe[str] = UNSET
    vm_size: Maybe[str] = UNSET
    virtual_machine_configuration: Maybe[VirtualMachineConfiguration] = UNSET
    enable_inter_node_communication: Maybe[bool] = UNSET
    network_configuration: Maybe[NetworkConfiguration] = UNSET
    task_slots_per_node: Maybe[Int32] = UNSET
    task_scheduling_policy: Maybe[BatchTaskSchedulingPolicy] = UNSET
    user_accounts: Maybe[tuple[UserAccount, ...]] = UNSET
    mount_configuration: Maybe[tuple[MountConfiguration, ...]] = UNSET
    upgrade_policy: Maybe[UpgradePolicy] = UNSET
    resource_tags: Maybe[dict[str, str]] = UNSET
    """which only older versions have"""


class PoolUpgradeOSParameter(Model, frozen=True, kw_only=True):
    """The version that a cloud service is to have: an operation up to 2018-08-01.7.0."""

    target_os_version: str = field(name="targetOSVersion")


class BatchPoolSpecification(PoolShape, frozen=True, kw_only=True):
    """A pool that a job brings with it."""


class BatchPoolResizeOptions(TargetsShape, frozen=True, kw_only=True):
    """How many nodes a pool is to have from now on, and what becomes of the tasks of those that leave."""

    node_deallocation_option: Maybe[BatchNodeDeallocationOption] = UNSET


class BatchNodeRemoveOptions(Model, frozen=True, kw_only=True):
    """Which nodes are to leave a pool, and what becomes of their tasks."""

    node_list: tuple[str, ...]
    resize_timeout: Maybe[Duration] = UNSET
    node_deallocation_option: Maybe[BatchNodeDeallocationOption] = UNSET


class BatchPoolEnableAutoScaleOptions(Model, frozen=True, kw_only=True):
    """By which formula a pool is to have its size, and how often that is evaluated."""

    auto_scale_formula: Maybe[str] = UNSET
    auto_scale_evaluation_interval: Maybe[Duration] = UNSET


class BatchPoolEvaluateAutoScaleOptions(Model, frozen=True, kw_only=True):
    """A formula to try."""

    auto_scale_formula: str


class BatchPool(PoolShape, frozen=True, kw_only=True):
    """A pool as the service shows it."""

    id: str
    url: str
    e_tag: str
    last_modified: Timestamp
    creation_time: Timestamp
    state: BatchPoolState
    state_transition_time: Timestamp
    allocation_state: Given[AllocationState] = UNSET
    allocation_state_transition_time: Given[Timestamp] = UNSET
    resize_errors: Given[tuple[ResizeError, ...]] = UNSET
    current_dedicated_nodes: Int32
    current_low_priority_nodes: Int32
    auto_scale_run: Given[AutoScaleRun] = UNSET
    stats: Given[BatchPoolStatistics] = UNSET
    identity: Given[BatchPoolIdentity] = UNSET
