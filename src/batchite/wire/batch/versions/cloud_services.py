"""Pools of cloud services, which versions up to 2024-02-01.19.0 have: here, pools of an image of Windows."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from batchite.wire.batch import codec, images
from batchite.wire.batch.errors import BatchError, PropertyError, invalid_property, unreadable_property
from batchite.wire.batch.models.fields import Maybe, Model
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.refusals import no_such_property
from batchite.wire.batch.versions.changes import Change, Json

_OLD, _NEW = "cloudServiceConfiguration", "virtualMachineConfiguration"


class CloudServiceConfiguration(Model, frozen=True, kw_only=True):
    """A family of Windows, and which of its versions."""

    os_family: str
    os_version: Maybe[str] = UNSET


class CloudServices(Change):
    """`cloudServiceConfiguration` names a family of Windows, which is an image that no other pool names."""

    def __init__(self) -> None:
        super().__init__(PoolShape)

    def lift(self, body: Json, where: str) -> None:
        given = body.pop(_OLD, None)
        if given is None:
            return
        service = _read(given, where + _OLD)
        if body.get(_NEW) is not None:
            raise invalid_property(where + _OLD, service.os_family, f"must not be given together with {_NEW}")
        if service.os_family not in images.OS_FAMILIES:
            rule = f"must be one of {', '.join(images.OS_FAMILIES)}"
            raise invalid_property(f"{where}{_OLD}.osFamily", service.os_family, rule)
        body[_NEW] = images.cloud_service(service.os_family, service.os_version or "*")

    def lower(self, body: Json) -> None:
        machine = body.get(_NEW)
        family = images.os_family(machine.get("imageReference", {})) if isinstance(machine, dict) else None
        if family is not None:
            version = body.pop(_NEW)["imageReference"].get("version", "*")
            body[_OLD] = {"osFamily": family, "osVersion": version}

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer | {_OLD}


def _read(given: object, where: str) -> CloudServiceConfiguration:
    """Raises BatchError."""
    try:
        return codec.convert(given, CloudServiceConfiguration)
    except PropertyError as error:
        raise error.respelled(f"{where}.{error.name}", {}) from None
    except BatchError:
        raise unreadable_property(where, given, "must be an object") from None


class TargetVersions(Change):
    """A cloud service had a version that it was to have, and one that it had, which only answers say."""

    def __init__(self) -> None:
        super().__init__(PoolShape)

    def lift(self, body: Json, where: str) -> None:
        service = body.get(_OLD)
        if not isinstance(service, dict):
            return
        if "osVersion" in service:
            known = ("osFamily", _TARGET, _CURRENT)
            raise no_such_property(f"{where}{_OLD}.", "osVersion", service["osVersion"], known)
        service.pop(_CURRENT, None)
        if _TARGET in service:
            service["osVersion"] = service.pop(_TARGET)

    def lower(self, body: Json) -> None:
        service: dict[str, Any] | None = body.get(_OLD)
        if service is not None:
            version = service.pop("osVersion")
            service.update({_TARGET: version, _CURRENT: version})


_TARGET, _CURRENT = "targetOSVersion", "currentOSVersion"
