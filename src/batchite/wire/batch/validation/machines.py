"""The virtual machines of pools: images, disks, extensions, upgrades."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from batchite.wire.batch import images
from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.enums import DiskEncryptionTarget
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.machines import (
    DataDisk,
    DiskEncryptionConfiguration,
    UpgradePolicy,
    VirtualMachineConfiguration,
    VMExtension,
)
from batchite.wire.batch.validation import rules
from batchite.wire.ticks import Duration

MOST_LUN = 63
_LARGEST_DISK_GB = 2**31 - 1


def accept(machine: VirtualMachineConfiguration, where: str) -> VirtualMachineConfiguration:
    """The machine with its defaults and without secrets, or a BatchError."""
    image = machine.image_reference
    _check_image(machine, where)
    _check_disks(f"{where}.dataDisks", machine.data_disks)
    _check_encryption(f"{where}.diskEncryptionConfiguration", machine)
    _check_extensions(f"{where}.extensions", machine.extensions)
    if machine.os_disk:
        rules.check_range(f"{where}.osDisk.diskSizeGB", machine.os_disk.disk_size_gb, 1, _LARGEST_DISK_GB)
    if machine.service_artifact_reference:
        rules.check_text(f"{where}.serviceArtifactReference.id", machine.service_artifact_reference.id)
    is_named = isinstance(image.publisher, str)
    return replace(
        machine,
        image_reference=replace(image, version=image.version or "latest") if is_named else image,
        extensions=_without_secrets(machine.extensions),
    )


def _check_image(machine: VirtualMachineConfiguration, where: str) -> None:
    image = machine.image_reference
    if images.is_own(machine):
        _check_own_image(f"{where}.imageReference", image)
        if machine.node_agent_sku_id.lower() not in images.AGENTS:
            rule = f"must be one of {', '.join(images.AGENTS)}"
            raise invalid_property(f"{where}.nodeAgentSKUId", machine.node_agent_sku_id, rule)
        return
    agent = images.agent_for(image)
    if agent is None:
        rule = "must be an image of GET /supportedimages"
        raise invalid_property(f"{where}.imageReference", _spell(image), rule)
    if machine.node_agent_sku_id.lower() != agent:
        rule = f"must be {agent} for this image"
        raise invalid_property(f"{where}.nodeAgentSKUId", machine.node_agent_sku_id, rule)


def _check_own_image(where: str, image: BatchVmImageReference) -> None:
    """An id says it all."""
    told = {
        "publisher": image.publisher,
        "offer": image.offer,
        "sku": image.sku,
        "version": image.version,
        "virtualMachineImageId": image.virtual_machine_image_id,
        "sharedGalleryImageId": image.shared_gallery_image_id,
        "communityGalleryImageId": image.community_gallery_image_id,
    }
    given = [name for name, value in told.items() if value]
    if len(given) > 1:
        raise invalid_property(where, given, "must have only one of these, or publisher, offer and sku")


def _spell(image: BatchVmImageReference) -> str:
    parts = (image.publisher, image.offer, image.sku)
    return " ".join(part if isinstance(part, str) else "?" for part in parts)


def _check_disks(where: str, disks: Maybe[Sequence[DataDisk]]) -> None:
    for index, disk in enumerate(disks or ()):
        rules.check_range(f"{where}[{index}].lun", disk.lun, 0, MOST_LUN)
        rules.check_range(f"{where}[{index}].diskSizeGB", disk.disk_size_gb, 1, _LARGEST_DISK_GB)
    rules.check_different(where, "lun", [disk.lun for disk in disks or ()])


def _check_encryption(where: str, machine: VirtualMachineConfiguration) -> None:
    encryption = machine.disk_encryption_configuration or DiskEncryptionConfiguration()
    targets = set(encryption.targets or ())
    if not targets:
        return
    if images.is_windows(machine.node_agent_sku_id.lower()):
        if len(targets) < len(DiskEncryptionTarget):
            raise invalid_property(f"{where}.targets", sorted(targets), "must be both for images of Windows")
    elif DiskEncryptionTarget.OS_DISK in targets:
        rule = "must be temporarydisk alone for images of Linux"
        raise invalid_property(f"{where}.targets", sorted(targets), rule)


def _check_extensions(where: str, extensions: Maybe[Sequence[VMExtension]]) -> None:
    for index, extension in enumerate(extensions or ()):
        for name in ("name", "publisher", "type"):
            rules.check_text(f"{where}[{index}].{name}", getattr(extension, name))
    rules.check_different(where, "name", [extension.name.lower() for extension in extensions or ()])


def _without_secrets(extensions: Maybe[Sequence[VMExtension]]) -> Maybe[tuple[VMExtension, ...]]:
    if not extensions:
        return UNSET
    return tuple(replace(extension, protected_settings=UNSET) for extension in extensions)


def check_upgrades(where: str, policy: Maybe[UpgradePolicy]) -> None:
    """Shares in percent of the nodes."""
    rolling = policy.rolling_upgrade_policy if policy else None
    if not rolling:
        return
    where = f"{where}.rollingUpgradePolicy"
    most, unhealthy = rolling.max_batch_instance_percent, rolling.max_unhealthy_instance_percent
    upgraded = rolling.max_unhealthy_upgraded_instance_percent
    rules.check_range(f"{where}.maxBatchInstancePercent", most, 5, 100)
    rules.check_range(f"{where}.maxUnhealthyInstancePercent", unhealthy, 5, 100)
    rules.check_range(f"{where}.maxUnhealthyUpgradedInstancePercent", upgraded, 0, 100)
    if isinstance(most, int) and isinstance(unhealthy, int) and most > unhealthy:
        rule = f"must not be more than maxUnhealthyInstancePercent, which is {unhealthy}"
        raise invalid_property(f"{where}.maxBatchInstancePercent", most, rule)
    rules.check_duration(f"{where}.pauseTimeBetweenBatches", rolling.pause_time_between_batches, Duration(0))
