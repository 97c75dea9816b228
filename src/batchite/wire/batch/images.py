"""Images that pools may name.

Nodes are sandboxes on Linux machines, so an image stands for "a Linux node" and any image that programs
commonly name is welcome, also one of Windows, whose simplest command lines are understood. What an image is
made of is not reproduced. An image of one's own is taken by its node agent for one of the marketplace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from batchite.wire.batch.models.enums import ImageVerificationType, OSType
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.images import BatchSupportedImage, BatchVmImageReference, NodeAgentSku
from batchite.wire.batch.models.machines import VirtualMachineConfiguration

_AGENTS: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "batch.node.ubuntu 24.04": (
        ("canonical", "ubuntu-24_04-lts", "server"),
        ("canonical", "ubuntu-24_04-lts", "server-gen1"),
        ("microsoft-dsvm", "ubuntu-hpc", "2404"),
    ),
    "batch.node.ubuntu 22.04": (
        ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts"),
        ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"),
        ("microsoft-dsvm", "ubuntu-hpc", "2204"),
    ),
    "batch.node.ubuntu 20.04": (
        ("canonical", "0001-com-ubuntu-server-focal", "20_04-lts"),
        ("canonical", "0001-com-ubuntu-server-focal", "20_04-lts-gen2"),
        ("microsoft-azure-batch", "ubuntu-server-container", "20-04-lts"),
        ("microsoft-dsvm", "ubuntu-hpc", "2004"),
    ),
    "batch.node.ubuntu 18.04": (("canonical", "ubuntuserver", "18.04-lts"),),
    "batch.node.ubuntu 16.04": (
        ("Canonical", "UbuntuServer", "16.04-LTS"),
        ("Canonical", "UbuntuServer", "16.04.0-LTS"),
        ("microsoft-azure-batch", "ubuntu-server-container", "16-04-lts"),
    ),
    "batch.node.ubuntu 14.04": (
        ("Canonical", "UbuntuServer", "14.04.5-LTS"),
        ("Canonical", "UbuntuServer", "14.04.4-LTS"),
        ("Canonical", "UbuntuServer", "14.04.3-LTS"),
        ("Canonical", "UbuntuServer", "14.04.2-LTS"),
        ("Canonical", "UbuntuServer", "14.04.1-LTS"),
        ("Canonical", "UbuntuServer", "14.04.0-LTS"),
    ),
    "batch.node.debian 12": (("debian", "debian-12", "12"), ("debian", "debian-12", "12-gen2")),
    "batch.node.debian 11": (("debian", "debian-11", "11"), ("debian", "debian-11", "11-gen2")),
    "batch.node.debian 10": (("debian", "debian-10", "10"),),
    "batch.node.debian 9": (("Credativ", "Debian", "9"),),
    "batch.node.debian 8": (("Credativ", "Debian", "8"), ("Canonical", "UbuntuServer", "15.10")),
    "batch.node.el 9": (
        ("almalinux", "almalinux-x86_64", "9-gen1"),
        ("almalinux", "almalinux-x86_64", "9-gen2"),
        ("almalinux", "almalinux", "9-gen1"),
        ("almalinux", "almalinux", "9-gen2"),
    ),
    "batch.node.el 8": (
        ("almalinux", "almalinux", "8-gen1"),
        ("almalinux", "almalinux", "8-gen2"),
        ("almalinux", "almalinux-x86_64", "8-gen2"),
    ),
    "batch.node.centos 8": (("openlogic", "centos", "8_3"),),
    "batch.node.centos 7": (
        ("openlogic", "centos", "7_9"),
        ("openlogic", "centos", "7.7"),
        ("OpenLogic", "CentOS", "7.2"),
        ("OpenLogic", "CentOS", "7.1"),
        ("OpenLogic", "CentOS", "7.0"),
        ("OpenLogic", "CentOS-HPC", "7.1"),
        ("Oracle", "Oracle-Linux", "7.2"),
        ("Oracle", "Oracle-Linux", "7.0"),
        ("microsoft-ads", "linux-data-science-vm", "linuxdsvm"),
        ("microsoft-azure-batch", "centos-container", "7-4"),
    ),
    "batch.node.opensuse 42.1": (
        ("SUSE", "openSUSE-Leap", "42.1"),
        ("SUSE", "SLES", "12-SP1"),
        ("SUSE", "SLES", "12"),
        ("SUSE", "SLES-HPC", "12-SP1"),
        ("SUSE", "SLES-HPC", "12"),
    ),
    "batch.node.opensuse 13.2": (("SUSE", "openSUSE", "13.2"),),
    "batch.node.windows amd64": (
        ("microsoftwindowsserver", "windowsserver", "2022-datacenter"),
        ("microsoftwindowsserver", "windowsserver", "2019-datacenter"),
        ("microsoftwindowsserver", "windowsserver", "2019-datacenter-core"),
        ("microsoftwindowsserver", "windowsserver", "2016-datacenter"),
        ("MicrosoftWindowsServer", "WindowsServer", "2012-R2-Datacenter"),
        ("MicrosoftWindowsServer", "WindowsServer", "2012-Datacenter"),
        ("MicrosoftWindowsServer", "WindowsServer", "2008-R2-SP1"),
    ),
}

_WINDOWS = "batch.node.windows"


def is_windows(agent: str) -> bool:
    """Whether an agent, by its SKU, goes with images of Windows."""
    return agent.startswith(_WINDOWS)


def _os_type(agent: str) -> OSType:
    return OSType.WINDOWS if is_windows(agent) else OSType.LINUX


def _image(agent: str, publisher: str, offer: str, sku: str) -> BatchSupportedImage:
    return BatchSupportedImage(
        node_agent_sku_id=agent,
        image_reference=BatchVmImageReference(publisher=publisher, offer=offer, sku=sku, version="latest"),
        os_type=_os_type(agent),
        verification_type=ImageVerificationType.VERIFIED,
    )


SUPPORTED: Final[tuple[BatchSupportedImage, ...]] = tuple(
    _image(agent, *reference) for agent, references in _AGENTS.items() for reference in references
)

AGENTS: Final[tuple[str, ...]] = tuple(_AGENTS)
"""Node agent SKUs, the newest system of each kind first."""

SKUS: Final[tuple[NodeAgentSku, ...]] = tuple(
    NodeAgentSku(
        id=agent,
        verified_image_references=tuple(
            image.image_reference for image in SUPPORTED if image.node_agent_sku_id == agent
        ),
        os_type=_os_type(agent),
    )
    for agent in AGENTS
)
"""The same images by their agents."""

_AGENT_OF: Final[dict[tuple[str, str, str], str]] = {
    (publisher.lower(), offer.lower(), sku.lower()): agent
    for agent, references in _AGENTS.items()
    for publisher, offer, sku in references
}

OS_FAMILIES: Final[tuple[str, ...]] = ("2", "3", "4", "5", "6")
"""Of cloud services, from Windows Server 2008 R2 to 2019; here each is an image, which is not listed."""
_CLOUD_SERVICE = ("microsoft-azure-batch", "cloud-services")
_CLOUD_SERVICE_AGENT = "batch.node.windows amd64"
_AGENT_OF.update({(*_CLOUD_SERVICE, family): _CLOUD_SERVICE_AGENT for family in OS_FAMILIES})


def cloud_service(family: str, version: str) -> dict[str, Any]:
    """The `virtualMachineConfiguration`, as JSON, that stands for a cloud service."""
    publisher, offer = _CLOUD_SERVICE
    reference = {"publisher": publisher, "offer": offer, "sku": family, "version": version}
    return {"imageReference": reference, "nodeAgentSKUId": _CLOUD_SERVICE_AGENT}


def os_family(reference: Mapping[str, Any]) -> str | None:
    """That of a cloud service, if the image, as JSON, stands for one."""
    is_one = (reference.get("publisher"), reference.get("offer")) == _CLOUD_SERVICE
    return reference.get("sku") if is_one else None


def is_cloud_service(image: BatchVmImageReference) -> bool:
    """Whether the image stands for one."""
    return (image.publisher, image.offer) == _CLOUD_SERVICE


def agent_for(reference: BatchVmImageReference) -> str | None:
    """The node agent SKU that goes with an image of the marketplace; None for an unknown image."""
    key = (_fold(reference.publisher), _fold(reference.offer), _fold(reference.sku))
    return _AGENT_OF.get(key)


def is_own(machine: VirtualMachineConfiguration) -> bool:
    """Whether it is of an image of one's own, or of somebody's gallery, rather than of the marketplace."""
    image, disk = machine.image_reference, machine.former_os_disk
    ids = (image.virtual_machine_image_id, image.shared_gallery_image_id, image.community_gallery_image_id)
    return any(ids) or (image == BatchVmImageReference() and bool(disk and disk.image_uris))


def of_machine(machine: VirtualMachineConfiguration) -> BatchVmImageReference:
    """The image of the marketplace that tasks find on such a machine: of an image of one's own, one that has
    the same node agent."""
    if not is_own(machine):
        return machine.image_reference
    agent = machine.node_agent_sku_id.lower()
    return next(image.image_reference for image in SUPPORTED if image.node_agent_sku_id == agent)


def _fold(text: Maybe[str]) -> str:
    return text.lower() if isinstance(text, str) else ""


def urn(reference: BatchVmImageReference) -> str:
    """An image of the marketplace in one word, PUBLISHER:OFFER:SKU:VERSION."""
    parts = (reference.publisher, reference.offer, reference.sku, reference.version)
    return ":".join(part if isinstance(part, str) else "" for part in parts)


def of_urn(text: str) -> BatchVmImageReference:
    publisher, offer, sku, version = (text.split(":", 3) + [""] * 4)[:4]
    return BatchVmImageReference(publisher=publisher, offer=offer, sku=sku, version=version)
