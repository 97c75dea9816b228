"""Disks of one's own, which versions up to 2017-06-01.5.1 name where an image would stand."""

from __future__ import annotations

from batchite.wire.batch.errors import missing_property
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.versions.changes import Change, Json

_IMAGE, _DISK = "imageReference", "osDisk"


class OwnDisks(Change):
    """A machine with a disk had no image, and one without had an image of the marketplace. Here a machine has
    an image in any case; that of a disk says nothing."""

    def __init__(self) -> None:
        super().__init__(VirtualMachineConfiguration)

    def lift(self, body: Json, where: str) -> None:
        image = body.get(_IMAGE)
        if image is None and body.get(_DISK) is not None:
            body[_IMAGE] = {}
        elif isinstance(image, dict):
            for name in ("publisher", "offer", "sku"):
                if image.get(name) is None:
                    raise missing_property(f"{where}{_IMAGE}.{name}")

    def lower(self, body: Json) -> None:
        if body.get(_IMAGE) == {}:
            del body[_IMAGE]
