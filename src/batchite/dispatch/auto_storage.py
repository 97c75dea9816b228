"""Containers of the storage account that is linked to a Batch account, as nodes reach them.

A definition names such a container. What a node is told has a URL instead, with a signature that permits
listing and reading it: made for that run, and kept nowhere.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from batchite.configuration.accounts import KnownAccounts, StorageAccount, linked_storage
from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.ticks import Clock, Duration

GRANTED: Final = Duration.of(days=1)
"""How long a run has for its files, with the time that it waits on its node."""
_PROPERTY: Final = "autoStorageContainerName"
_MARK: Final = f'"{_PROPERTY}"'.encode()


class AutoStorage:
    """`blob_url`: where nodes reach our Blob service; empty: nowhere."""

    def __init__(self, accounts: KnownAccounts, clock: Clock, blob_url: str) -> None:
        self._accounts = accounts
        self._clock = clock
        self._blob_url = blob_url

    def filled(self, account: str, definition: bytes) -> bytes:
        """The definition, in JSON, of something that a node of this Batch account is to run. Where no storage
        account is linked any more it stays as it is, and fails there with the reason."""
        if _MARK not in definition:
            return definition
        storage = linked_storage(self._accounts, account)
        place = None if storage is None else self._place(storage)
        if storage is None or place is None:
            return definition
        return msgspec.json.encode(self._with_urls(msgspec.json.decode(definition), storage, place))

    def _place(self, storage: StorageAccount) -> str | None:
        """What URLs of its containers begin with."""
        if storage.is_foreign:
            return storage.blob_endpoint
        return f"{self._blob_url}/{storage.name}" if self._blob_url else None

    def _with_urls(self, value: Any, storage: StorageAccount, place: str) -> Any:
        if isinstance(value, list):
            return [self._with_urls(item, storage, place) for item in value]
        if not isinstance(value, dict):
            return value
        filled = {name: self._with_urls(item, storage, place) for name, item in value.items()}
        container = filled.pop(_PROPERTY, None)
        if container is not None:
            grant = Grant(permissions="rl", expiry=self._clock.wall() + GRANTED)
            token = granting.for_container(storage.key_bytes[0], storage.name, container, grant)
            filled["storageContainerUrl"] = f"{place}/{container}?{token}"
        return filled
