"""A pool that says everything that may be said of one, but for what is refused."""

from __future__ import annotations

from typing import Any, Final

from tests.batch.service import IMAGE
from tests.batch.whole import SECRET

IDENTITY: Final = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/identities/i"

_DISK: Final = {
    "diskEncryptionSet": {"id": "/subscriptions/s/diskEncryptionSets/d"},
    "storageAccountType": "premium_lrs",
    "securityProfile": {"securityEncryptionType": "NonPersistedTPM"},
}
MACHINE: Final[dict[str, Any]] = {
    "imageReference": {**IMAGE["imageReference"], "version": "1.2.3", "exactVersion": "1.2.3"},  # type: ignore[dict-item]
    "nodeAgentSKUId": IMAGE["nodeAgentSKUId"],
    "windowsConfiguration": {"enableAutomaticUpdates": False},
    "dataDisks": [
        {
            "lun": 0,
            "caching": "readwrite",
            "diskSizeGB": 100,
            "managedDisk": _DISK,
        }
    ],
    "licenseType": "Windows_Server",
    "diskEncryptionConfiguration": {
        "customerManagedKey": {
            "identityReference": {"resourceId": IDENTITY},
            "keyUrl": "https://vault/keys/k",
            "rotationToLatestKeyVersionEnabled": True,
        },
        "targets": ["temporarydisk"],
    },
    "nodePlacementConfiguration": {"policy": "zonal"},
    "extensions": [
        {
            "name": "monitor",
            "publisher": "Microsoft.Azure.Monitor",
            "type": "AzureMonitorLinuxAgent",
            "typeHandlerVersion": "1.0",
            "autoUpgradeMinorVersion": True,
            "enableAutomaticUpgrade": True,
            "settings": {"text": "t", "more": {"deep": [1, {"er": None}]}},
            "protectedSettings": {"key": SECRET},
            "provisionAfterExtensions": ["other"],
        }
    ],
    "osDisk": {
        "ephemeralOSDiskSettings": {"placement": "cachedisk"},
        "caching": "readonly",
        "diskSizeGB": 64,
        "managedDisk": _DISK,
        "writeAcceleratorEnabled": False,
    },
    "securityProfile": {
        "encryptionAtHost": True,
        "proxyAgentSettings": {
            "enabled": True,
            "imds": {"inVMAccessControlProfileReferenceId": "/profiles/p", "mode": "Audit"},
            "wireServer": {"inVMAccessControlProfileReferenceId": "/profiles/q", "mode": "Enforce"},
        },
        "securityType": "trustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
    },
    "serviceArtifactReference": {"id": "/subscriptions/s/serviceArtifacts/a"},
}

POOL: Final[dict[str, Any]] = {
    "id": "whole",
    "displayName": "All of it \u2603",
    "vmSize": "standard_d4s_v3",
    "virtualMachineConfiguration": MACHINE,
    "resizeTimeout": "PT20M",
    "targetDedicatedNodes": 0,
    "targetLowPriorityNodes": 0,
    "enableAutoScale": False,
    "enableInterNodeCommunication": True,
    "networkConfiguration": {
        "subnetId": "/subscriptions/s/virtualNetworks/v/subnets/n",
        "dynamicVNetAssignmentScope": "job",
        "endpointConfiguration": {
            "inboundNATPools": [
                {
                    "name": "web",
                    "protocol": "tcp",
                    "backendPort": 8080,
                    "frontendPortRangeStart": 20000,
                    "frontendPortRangeEnd": 20099,
                    "networkSecurityGroupRules": [
                        {
                            "priority": 150,
                            "access": "deny",
                            "sourceAddressPrefix": "10.0.0.0/8",
                            "sourcePortRanges": ["1-1023"],
                        }
                    ],
                }
            ]
        },
        "publicIPAddressConfiguration": {
            "provision": "usermanaged",
            "ipFamilies": ["IPv4", "IPv6"],
            "ipAddressIds": ["/subscriptions/s/publicIPAddresses/a"],
            "ipTags": [{"ipTagType": "FirstPartyUsage", "tag": "/Sql"}],
        },
        "enableAcceleratedNetworking": True,
    },
    "startTask": {
        "commandLine": "/bin/true",
        "resourceFiles": [{"httpUrl": "https://h/f", "filePath": "f", "fileMode": "0755"}],
        "environmentSettings": [{"name": "A", "value": "b"}],
        "userIdentity": {"username": "anna"},
        "maxTaskRetryCount": 2,
        "waitForSuccess": False,
    },
    "applicationPackageReferences": [],
    "taskSlotsPerNode": 4,
    "taskSchedulingPolicy": {"jobDefaultOrder": "creationtime", "nodeFillType": "Pack"},
    "userAccounts": [
        {
            "name": "anna",
            "password": SECRET,
            "elevationLevel": "admin",
            "linuxUserConfiguration": {"uid": 1234, "gid": 1234, "sshPrivateKey": SECRET},
            "windowsUserConfiguration": {"loginMode": "interactive"},
        },
        {"name": "Ben \u2603", "password": SECRET, "elevationLevel": "nonadmin"},
    ],
    "metadata": [{"name": "a", "value": "b"}],
    "mountConfiguration": [],
    "upgradePolicy": {
        "mode": "rolling",
        "automaticOSUpgradePolicy": {
            "disableAutomaticRollback": True,
            "enableAutomaticOSUpgrade": True,
            "useRollingUpgradePolicy": True,
            "osRollingUpgradeDeferral": False,
        },
        "rollingUpgradePolicy": {
            "enableCrossZoneUpgrade": True,
            "maxBatchInstancePercent": 20,
            "maxUnhealthyInstancePercent": 20,
            "maxUnhealthyUpgradedInstancePercent": 0,
            "pauseTimeBetweenBatches": "PT5S",
            "prioritizeUnhealthyInstances": True,
            "rollbackFailedInstancesOnPolicyBreach": True,
        },
    },
}

PAST: Final[dict[str, Any]] = {
    "applicationLicenses": ["maya"],
    "certificateReferences": [
        {
            "thumbprint": "0123",
            "thumbprintAlgorithm": "sha1",
            "storeLocation": "localmachine",
            "storeName": "Root",
            "visibility": ["starttask", "remoteuser"],
        }
    ],
    "resourceTags": {"team": "blue"},
    "targetNodeCommunicationMode": "classic",
}
"""What only older versions have."""
