"""Pools of cloud services, which versions up to 2024-02-01.19.0 have: here, pools of an image of Windows."""

from __future__ import annotations

from typing import Any

from batchite.wire.batch import images
from batchite.wire.batch.errors import unreadable_property
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.versions.changes import Change, Json

_OLD, _NEW = "cloudServiceConfiguration", "virtualMachineConfiguration"


class CloudServices(Change):
    """`cloudServiceConfiguration` names a family of Windows, which is an image that no other pool names."""

    def __init__(self) -> None:
        super().__init__(PoolShape)

    def lift(self, body: Json, where: str) -> None:
        value = body.pop(_OLD, None)
        if value is None:
            return
        if body.get(_NEW) is not None:
            raise unreadable_property(where + _OLD, value, f"goes without {_NEW}")
        family = value.get("osFamily") if isinstance(value, dict) else None
        if family not in images.OS_FAMILIES:
            known = ", ".join(images.OS_FAMILIES)
            raise unreadable_property(where + _OLD, value, f"osFamily must be one of {known}, as text")
        version = value.get("osVersion") or value.get("targetOSVersion") or "*"
        if not isinstance(version, str):
            raise unreadable_property(
                where + _OLD, value, "osVersion must be text; leave it out for the newest"
            )
        body[_NEW] = images.cloud_service(family, version)

    def lower(self, body: Json) -> None:
        machine = body.get(_NEW)
        family = images.os_family(machine.get("imageReference", {})) if isinstance(machine, dict) else None
        if family is not None:
            version = body.pop(_NEW)["imageReference"].get("version", "*")
            body[_OLD] = {"osFamily": family, "osVersion": version}

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer | {_OLD}


class TargetVersions(Change):
    """A cloud service had a version that it was to have, and one that it had."""

    def __init__(self) -> None:
        super().__init__(PoolShape)

    def lower(self, body: Json) -> None:
        service: dict[str, Any] | None = body.get(_OLD)
        if service is not None:
            version = service.pop("osVersion")
            service.update(targetOSVersion=version, currentOSVersion=version)
