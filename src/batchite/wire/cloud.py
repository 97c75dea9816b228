"""What the cloud calls the accounts of both services: the hosts that clients make of an account's name."""

from __future__ import annotations

BATCH = "batch.azure.com"
"""A Batch account is `NAME.REGION.batch.azure.com`."""
BLOB = "blob.core.windows.net"
"""A storage account is `NAME.blob.core.windows.net`, its copy for reading `NAME-secondary.blob.…`."""
STORAGE = "core.windows.net"
"""Under it are all services of a storage account, such as `NAME.queue.core.windows.net`."""
SECONDARY = "-secondary"
REGIONS = (
    "australiacentral",
    "australiaeast",
    "australiasoutheast",
    "austriaeast",
    "belgiumcentral",
    "brazilsouth",
    "brazilsoutheast",
    "canadacentral",
    "canadaeast",
    "centralindia",
    "centralus",
    "chilecentral",
    "eastasia",
    "eastus",
    "eastus2",
    "francecentral",
    "francesouth",
    "germanynorth",
    "germanywestcentral",
    "indonesiacentral",
    "israelcentral",
    "italynorth",
    "japaneast",
    "japanwest",
    "jioindiawest",
    "koreacentral",
    "koreasouth",
    "malaysiawest",
    "mexicocentral",
    "newzealandnorth",
    "northcentralus",
    "northeurope",
    "norwayeast",
    "norwaywest",
    "polandcentral",
    "qatarcentral",
    "southafricanorth",
    "southafricawest",
    "southcentralus",
    "southeastasia",
    "southindia",
    "spaincentral",
    "swedencentral",
    "swedensouth",
    "switzerlandnorth",
    "switzerlandwest",
    "uaecentral",
    "uaenorth",
    "uksouth",
    "ukwest",
    "westcentralus",
    "westeurope",
    "westindia",
    "westus",
    "westus2",
    "westus3",
)
"""of the public cloud"""


def batch_account(host: str) -> str | None:
    """The account in `NAME.REGION.batch.azure.com`, without a port; None if the host has another form."""
    labels = _below(host, BATCH)
    return labels[0] if len(labels) == 2 else None


def batch_region(host: str) -> str | None:
    """The region in `NAME.REGION.batch.azure.com`, likewise."""
    labels = _below(host, BATCH)
    return labels[1] if len(labels) == 2 else None


def blob_account(host: str) -> str | None:
    """The account in `NAME.blob.core.windows.net`, likewise, also where its copy for reading is meant."""
    labels = _below(host, BLOB)
    return labels[0].removesuffix(SECONDARY) if len(labels) == 1 else None


def storage_account(host: str) -> str | None:
    """The account in `NAME.SERVICE.core.windows.net`, whatever the service."""
    labels = _below(host, STORAGE)
    return labels[0].removesuffix(SECONDARY) if len(labels) > 1 else None


def _below(host: str, suffix: str) -> list[str]:
    """The labels before `suffix`; none if the host has another end."""
    name = host.lower().removesuffix(".")
    return name.removesuffix(f".{suffix}").split(".") if name.endswith(f".{suffix}") else []
