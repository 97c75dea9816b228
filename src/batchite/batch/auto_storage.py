"""Resource files that name a container of the storage account that is linked to their Batch account."""

from __future__ import annotations

from functools import cache

from batchite.batch.acting import Acting
from batchite.configuration.accounts import linked_storage
from batchite.wire.batch.errors import BatchError, quote
from batchite.wire.batch.models import places
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.places import Places
from batchite.wire.batch.models.transfers import ResourceFile

_PROPERTY = "autoStorageContainerName"


def check(acting: Acting, accepted: Model, where: str = "", before: Model | None = None) -> None:
    """Raises StorageAccountNotFound if something in it names such a container, and no account is linked.
    `where` goes before the names in errors; what it was `before` may stay."""
    known = [] if before is None else [name for _, name, _ in _names(type(before)).met(before, "")]
    for path, name, _ in _names(type(accepted)).met(accepted, where):
        if name not in known and linked_storage(acting.services.accounts, acting.account) is None:
            detail = (
                f"{path} is {quote(name)}, and the account {acting.account!r} has no storage account for it. "
                "Name one as storage_account of the account in [[batch_accounts]] of the config file, or "
                "give a storageContainerUrl with a shared access signature."
            )
            raise BatchError("StorageAccountNotFound", detail, (("PropertyName", path),))


@cache
def _names(model: type[Model]) -> Places[bool]:
    """Where in a model containers are named."""

    def is_meant(holder: type[Model], name: str) -> bool | None:
        return True if issubclass(holder, ResourceFile) and name == _PROPERTY else None

    return places.find(model, is_meant)
