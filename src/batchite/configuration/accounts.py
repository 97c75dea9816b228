"""Batch and storage accounts, and the small store that holds them.

The store is one JSON file in the data directory. At a start the supervisor writes into it what is
configured, beside the accounts that were made here; who makes one, or a key, replaces the file (`made`).
Both services read it again whenever it has been replaced (`followed`).
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Protocol, TypeAlias, TypeVar

import msgspec

from batchite.machine import private_file

FILE_NAME = "accounts.json"

DEVELOPMENT_STORAGE_NAME = "devstoreaccount1"
DEVELOPMENT_STORAGE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Known to everybody: the key that makes `UseDevelopmentStorage=true` work in every client."""
DEVELOPMENT_BATCH_NAME = "devbatch"
DEVELOPMENT_BATCH_KEY = base64.b64encode(b"batchite development account key, known to everybody....").decode()


T = TypeVar("T")
Several: TypeAlias = Annotated[tuple[T, ...], msgspec.Meta(min_length=1)]


class StorageAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An account of the Blob service; either key signs.

    With a `blob_endpoint`, such as `https://films.blob.core.windows.net`, it is an account of another Blob
    service: ours does not serve it.
    """

    name: str
    keys: Several[str]
    blob_endpoint: str = ""
    made: bool = False
    """here, rather than configured"""

    @property
    def is_foreign(self) -> bool:
        return self.blob_endpoint != ""

    @property
    def key_bytes(self) -> tuple[bytes, ...]:
        return tuple(base64.b64decode(key) for key in self.keys)


class BatchAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An account of the Batch service.

    `storage_account` is its auto-storage account, if any. `core_quota` limits the cores of all its
    nodes together, `job_quota` its jobs and job schedules that are not completed; None means no limit.
    """

    name: str
    keys: Several[str]
    storage_account: str | None = None
    core_quota: int | None = None
    job_quota: int | None = None
    made: bool = False
    """here, rather than configured"""

    @property
    def key_bytes(self) -> tuple[bytes, ...]:
        return tuple(base64.b64decode(key) for key in self.keys)


class KnownAccounts(Protocol):
    """All accounts, as they are now."""

    @property
    def batch(self) -> tuple[BatchAccount, ...]: ...

    @property
    def storage(self) -> tuple[StorageAccount, ...]: ...

    @property
    def own_storage(self) -> tuple[StorageAccount, ...]:
        """Those that our Blob service serves."""
        ...

    def find_batch(self, name: str) -> BatchAccount | None: ...

    def find_storage(self, name: str) -> StorageAccount | None: ...


class Accounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All accounts. The first of each kind is the default one."""

    batch: Several[BatchAccount]
    storage: Several[StorageAccount]

    def find_batch(self, name: str) -> BatchAccount | None:
        return next((account for account in self.batch if account.name == name), None)

    def find_storage(self, name: str) -> StorageAccount | None:
        return next((account for account in self.storage if account.name == name), None)

    @property
    def own_storage(self) -> tuple[StorageAccount, ...]:
        """Those that our Blob service serves."""
        return tuple(account for account in self.storage if not account.is_foreign)

    @property
    def uses_development_keys(self) -> bool:
        known = {DEVELOPMENT_STORAGE_KEY, DEVELOPMENT_BATCH_KEY}
        used = {key for batch in self.batch for key in batch.keys}
        return not known.isdisjoint(used.union(*(storage.keys for storage in self.storage)))


def linked_storage(known: KnownAccounts, batch_account: str) -> StorageAccount | None:
    """The auto-storage account of a Batch account."""
    found = known.find_batch(batch_account)
    return known.find_storage(found.storage_account) if found and found.storage_account else None


DEVELOPMENT_ACCOUNTS = Accounts(
    batch=(BatchAccount(DEVELOPMENT_BATCH_NAME, (DEVELOPMENT_BATCH_KEY,), DEVELOPMENT_STORAGE_NAME),),
    storage=(StorageAccount(DEVELOPMENT_STORAGE_NAME, (DEVELOPMENT_STORAGE_KEY,)),),
)


def check_key(key: str) -> None:
    """Raise ValueError unless `key` is base64, as account keys are."""
    try:
        decoded = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("an account key is base64 text") from None
    if not decoded:
        raise ValueError("an account key cannot be empty")


def save(accounts: Accounts, data_dir: Path) -> None:
    """Replace the stored accounts; a reader sees the old ones or the new ones, never a mixture."""
    private_file.replace(data_dir / FILE_NAME, msgspec.json.format(msgspec.json.encode(accounts)))


def load(data_dir: Path) -> Accounts:
    """Read the stored accounts. Raises FileNotFoundError before the supervisor has written them, and
    ValueError if somebody else has."""
    return msgspec.json.decode((data_dir / FILE_NAME).read_bytes(), type=Accounts)
