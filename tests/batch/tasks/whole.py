"""Tasks that say everything that may be said of one, but for what is refused."""

from __future__ import annotations

from typing import Any, Final

COMMAND: Final[dict[str, Any]] = {
    "commandLine": "/bin/sh -c 'echo \u2603'",
    "resourceFiles": [{"httpUrl": "https://h/f", "filePath": "in/f", "fileMode": "0755"}],
    "environmentSettings": [{"name": "A", "value": "b"}, {"name": "EMPTY", "value": ""}],
    "userIdentity": {"autoUser": {"scope": "task", "elevationLevel": "admin"}},
}
CONSTRAINTS: Final = {"maxWallClockTime": "PT1H", "retentionTime": "P2D", "maxTaskRetryCount": 3}

OTHER_COMMAND: Final[dict[str, Any]] = {
    **COMMAND,
    "resourceFiles": [
        {
            "storageContainerUrl": "https://h/c?sig=s",
            "blobPrefix": "in/",
            "filePath": "d",
            "fileMode": "0644",
        },
        {"autoStorageContainerName": "inputs", "blobPrefix": "out/"},
    ],
    "userIdentity": {"username": "anna"},
}
"""By the means that exclude those of the first."""

OF_SLOTS: Final[dict[str, Any]] = {
    "displayName": "All of it \u2603",
    "outputFiles": [
        {
            "filePattern": "../std*.txt",
            "destination": {
                "container": {
                    "path": "out/it",
                    "containerUrl": "https://h/c?sig=s",
                    "uploadHeaders": [
                        {"name": "x-ms-blob-content-type", "value": "text/plain"},
                        {"name": "x-ms-meta-empty", "value": ""},
                    ],
                }
            },
            "uploadOptions": {"uploadCondition": "taskfailure"},
        }
    ],
    "constraints": CONSTRAINTS,
    "requiredSlots": 2,
    "applicationPackageReferences": [{"applicationId": "blender", "version": "2.7"}],
}
"""What tasks have that take slots of a node."""

TASK: Final[dict[str, Any]] = {
    "id": "Whole",
    **COMMAND,
    **OF_SLOTS,
    "affinityInfo": {"affinityId": "TVM:n1"},
    "exitConditions": {
        "exitCodes": [{"code": 1, "exitOptions": {"jobAction": "none", "dependencyAction": "satisfy"}}],
        "exitCodeRanges": [
            {
                "start": 2,
                "end": 9,
                "exitOptions": {"jobAction": "disable", "dependencyAction": "block"},
            }
        ],
        "preProcessingError": {"jobAction": "terminate", "dependencyAction": "block"},
        "fileUploadError": {"jobAction": "none", "dependencyAction": "satisfy"},
        "default": {"jobAction": "terminate", "dependencyAction": "block"},
    },
    "dependsOn": {"taskIds": ["first", "Second"], "taskIdRanges": [{"start": 1, "end": 9}]},
}
OTHER_TASK: Final[dict[str, Any]] = {**TASK, **OTHER_COMMAND}
