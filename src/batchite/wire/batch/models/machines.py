"""The virtual machines of a pool: image, disks, security, upgrades."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, field

from batchite.wire.batch.models.containers import BatchContainerConfiguration
from batchite.wire.batch.models.enums import (
    BatchNodePlacementPolicyType,
    CachingType,
    DiffDiskPlacement,
    DiskEncryptionTarget,
    HostEndpointSettingsModeTypes,
    SecurityEncryptionTypes,
    SecurityTypes,
    StorageAccountType,
    UpgradeMode,
)
from batchite.wire.batch.models.fields import Int32, Maybe, Model
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.ticks import Duration


class BatchPoolIdentityReference(Model, frozen=True, kw_only=True):
    """An identity a pool uses."""

    resource_id: Maybe[str] = UNSET


class WindowsConfiguration(Model, frozen=True, kw_only=True):
    """Settings of Windows nodes."""

    enable_automatic_updates: Maybe[bool] = UNSET


class ManagedDisk(Model, frozen=True, kw_only=True):
    """The storage type and encryption of a disk."""

    disk_encryption_set: Maybe[DiskEncryptionSetParameters] = UNSET
    storage_account_type: Maybe[StorageAccountType] = UNSET
    security_profile: Maybe[BatchVmDiskSecurityProfile] = UNSET


class BatchVmDiskSecurityProfile(Model, frozen=True, kw_only=True):
    """Encryption of a confidential disk."""

    security_encryption_type: Maybe[SecurityEncryptionTypes] = UNSET


class DiskEncryptionSetParameters(Model, frozen=True, kw_only=True):
    """The disk encryption set of a disk."""

    id: Maybe[str] = UNSET


class DataDisk(Model, frozen=True, kw_only=True):
    """A data disk of every node."""

    lun: Int32
    caching: Maybe[CachingType] = UNSET
    disk_size_gb: Int32 = field(name="diskSizeGB")
    managed_disk: Maybe[ManagedDisk] = UNSET


class DiskCustomerManagedKey(Model, frozen=True, kw_only=True):
    """A key of the customer that encrypts disks."""

    identity_reference: Maybe[BatchPoolIdentityReference] = UNSET
    key_url: Maybe[str] = UNSET
    rotation_to_latest_key_version_enabled: Maybe[bool] = UNSET


class DiskEncryptionConfiguration(Model, frozen=True, kw_only=True):
    """Which disks are encrypted."""

    customer_managed_key: Maybe[DiskCustomerManagedKey] = UNSET
    targets: Maybe[tuple[DiskEncryptionTarget, ...]] = UNSET


class BatchNodePlacementConfiguration(Model, frozen=True, kw_only=True):
    """How nodes are spread over zones."""

    policy: Maybe[BatchNodePlacementPolicyType] = UNSET


class VMExtension(Model, frozen=True, kw_only=True):
    """An extension installed on every node."""

    name: str
    publisher: str
    type: str
    type_handler_version: Maybe[str] = UNSET
    auto_upgrade_minor_version: Maybe[bool] = UNSET
    enable_automatic_upgrade: Maybe[bool] = UNSET
    settings: Maybe[dict[str, Any]] = UNSET
    protected_settings: Maybe[dict[str, Any]] = UNSET
    """neither stored nor returned"""
    provision_after_extensions: Maybe[tuple[str, ...]] = UNSET


class BatchDiffDiskSettings(Model, frozen=True, kw_only=True):
    """Where an ephemeral system disk is."""

    placement: Maybe[DiffDiskPlacement] = UNSET


class BatchOsDisk(Model, frozen=True, kw_only=True):
    """The system disk of every node."""

    ephemeral_os_disk_settings: Maybe[BatchDiffDiskSettings] = field(
        default=UNSET, name="ephemeralOSDiskSettings"
    )
    caching: Maybe[CachingType] = UNSET
    disk_size_gb: Maybe[Int32] = field(default=UNSET, name="diskSizeGB")
    managed_disk: Maybe[ManagedDisk] = UNSET
    write_accelerator_enabled: Maybe[bool] = UNSET


class BatchUefiSettings(Model, frozen=True, kw_only=True):
    """Secure boot and virtual TPM."""

    secure_boot_enabled: Maybe[bool] = UNSET
    v_tpm_enabled: Maybe[bool] = UNSET


class HostEndpointSettings(Model, frozen=True, kw_only=True):
    """A mode of the host endpoints."""

    in_vm_access_control_profile_reference_id: Maybe[str] = field(
        default=UNSET, name="inVMAccessControlProfileReferenceId"
    )
    mode: Maybe[HostEndpointSettingsModeTypes] = UNSET


class ProxyAgentSettings(Model, frozen=True, kw_only=True):
    """The proxy agent of a node."""

    enabled: Maybe[bool] = UNSET
    imds: Maybe[HostEndpointSettings] = UNSET
    wire_server: Maybe[HostEndpointSettings] = UNSET


class SecurityProfile(Model, frozen=True, kw_only=True):
    """Security of the virtual machines."""

    encryption_at_host: Maybe[bool] = UNSET
    proxy_agent_settings: Maybe[ProxyAgentSettings] = UNSET
    security_type: Maybe[SecurityTypes] = UNSET
    uefi_settings: Maybe[BatchUefiSettings] = UNSET


class ServiceArtifactReference(Model, frozen=True, kw_only=True):
    """A service artifact that fixes image versions."""

    id: str


class OSDisk(Model, frozen=True, kw_only=True):
    """The system disk as versions up to 2018-08-01.7.0 have it; those before 2017-09-01.6.0 name disks of
    one's own by it."""

    caching: Maybe[CachingType] = UNSET
    image_uris: Maybe[tuple[str, ...]] = UNSET


class VirtualMachineConfiguration(Model, frozen=True, kw_only=True):
    """The virtual machines of a pool."""

    image_reference: BatchVmImageReference
    node_agent_sku_id: str = field(name="nodeAgentSKUId")
    windows_configuration: Maybe[WindowsConfiguration] = UNSET
    data_disks: Maybe[tuple[DataDisk, ...]] = UNSET
    license_type: Maybe[str] = UNSET
    container_configuration: Maybe[BatchContainerConfiguration] = UNSET
    disk_encryption_configuration: Maybe[DiskEncryptionConfiguration] = UNSET
    node_placement_configuration: Maybe[BatchNodePlacementConfiguration] = UNSET
    extensions: Maybe[tuple[VMExtension, ...]] = UNSET
    os_disk: Maybe[BatchOsDisk] = UNSET
    former_os_disk: Maybe[OSDisk] = field(default=UNSET, name="formerOSDisk")
    """`osDisk` of the versions that have the other kind"""
    security_profile: Maybe[SecurityProfile] = UNSET
    service_artifact_reference: Maybe[ServiceArtifactReference] = UNSET


class AutomaticOsUpgradePolicy(Model, frozen=True, kw_only=True):
    """Automatic upgrades of the operating system."""

    disable_automatic_rollback: Maybe[bool] = UNSET
    enable_automatic_os_upgrade: Maybe[bool] = field(default=UNSET, name="enableAutomaticOSUpgrade")
    use_rolling_upgrade_policy: Maybe[bool] = UNSET
    os_rolling_upgrade_deferral: Maybe[bool] = UNSET


class RollingUpgradePolicy(Model, frozen=True, kw_only=True):
    """The pace of a rolling upgrade; shares in percent of the nodes."""

    enable_cross_zone_upgrade: Maybe[bool] = UNSET
    max_batch_instance_percent: Maybe[Int32] = UNSET
    max_unhealthy_instance_percent: Maybe[Int32] = UNSET
    max_unhealthy_upgraded_instance_percent: Maybe[Int32] = UNSET
    pause_time_between_batches: Maybe[Duration] = UNSET
    prioritize_unhealthy_instances: Maybe[bool] = UNSET
    rollback_failed_instances_on_policy_breach: Maybe[bool] = UNSET


class UpgradePolicy(Model, frozen=True, kw_only=True):
    """How nodes are upgraded."""

    mode: UpgradeMode
    automatic_os_upgrade_policy: Maybe[AutomaticOsUpgradePolicy] = field(
        default=UNSET, name="automaticOSUpgradePolicy"
    )
    rolling_upgrade_policy: Maybe[RollingUpgradePolicy] = UNSET
