"""Pools."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import (
    BatchApplicationPackageReference,
    BatchMetadataItem,
    NameValuePair,
)
from batchite.wire.batch.models.enums import (
    AllocationState,
    BatchJobDefaultOrder,
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


class BatchPoolCreateOptions(PoolShape, frozen=True, kw_only=True):
    """A pool to add."""

    id: str


class BatchPoolSpecification(PoolShape, frozen=True, kw_only=True):
    """A pool that a job brings with it."""


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
