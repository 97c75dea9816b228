"""Accounts that are made here, beside those that are configured, and new keys for them.

Whoever changes the accounts holds a lock, which ends with its process, and replaces the file at once: a
change is there as a whole or not at all, whatever is killed when. What is configured comes from the config
file at every start, so its keys are changed there.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from batchite.configuration import accounts
from batchite.configuration.accounts import Accounts, BatchAccount, StorageAccount
from batchite.configuration.names import check_account_name, check_quota
from batchite.machine import directory_lock

Kind: TypeAlias = Literal["batch", "storage"]
Change: TypeAlias = Callable[[], object]
LOCK_FILE = "accounts.lock"
PATIENCE_SECONDS = 10.0
KEY_BYTES = 64
KEYS = 2
"""of every account, so that one can be replaced while the other is in use"""


class AccountError(Exception):
    """The accounts are not changed; the text says why and what to do."""


def configure(configured: Accounts, data_dir: Path) -> None:
    """Store what is configured, and keep what was made here under other names. Raises OSError and
    LockedError."""
    with _lock(data_dir):
        try:
            before: Accounts | None = accounts.load(data_dir)
        except (FileNotFoundError, ValueError):  # none yet, or somebody else has written it
            before = None
        accounts.save(merged(configured, before), data_dir)


def merged(configured: Accounts, before: Accounts | None) -> Accounts:
    """What is configured, then what was made here; a name belongs to what is configured."""
    if before is None:
        return configured
    batch = [one for one in before.batch if one.made and configured.find_batch(one.name) is None]
    storage = [one for one in before.storage if one.made and configured.find_storage(one.name) is None]
    return Accounts((*configured.batch, *batch), (*configured.storage, *storage))


def add(
    data_dir: Path,
    name: str,
    kinds: Sequence[Kind],
    *,
    storage_account: str = "",
    core_quota: int | None = None,
    job_quota: int | None = None,
) -> Accounts:
    """New accounts of this name, with keys of their own; returned without the others. A Batch account has
    the storage account that is made with it, or the one that is named. Raises AccountError and OSError."""
    _check(name, core_quota, job_quota)
    with _changing(data_dir) as known:
        batch: tuple[BatchAccount, ...] = ()
        storage: tuple[StorageAccount, ...] = ()
        if "storage" in kinds:
            storage = (_new_storage(known, name),)
            storage_account = name
        if "batch" in kinds:
            account = _new_batch(known, name, storage_account, storage)
            batch = (msgspec.structs.replace(account, core_quota=core_quota, job_quota=job_quota),)
        accounts.save(Accounts((*known.batch, *batch), (*known.storage, *storage)), data_dir)
    return Accounts(batch, storage)


def _check(name: str, *quotas: int | None) -> None:
    try:
        check_account_name(name)
        for quota in quotas:
            if quota is not None:
                check_quota(quota)
    except ValueError as error:
        raise AccountError(f"{name!r}: {error}.") from None


def _new_storage(known: Accounts, name: str) -> StorageAccount:
    if known.find_storage(name) is not None:
        raise AccountError(f"There is a storage account {name!r} already. Choose another name.")
    return StorageAccount(name, _keys(), made=True)


def _new_batch(known: Accounts, name: str, storage: str, new: Sequence[StorageAccount]) -> BatchAccount:
    if known.find_batch(name) is not None:
        raise AccountError(f"There is a Batch account {name!r} already. Choose another name.")
    if storage and storage not in [one.name for one in (*known.storage, *new)]:
        raise AccountError(f"There is no storage account {storage!r}. Make that one first.")
    return BatchAccount(name, _keys(), storage or None, made=True)


def renew_key(data_dir: Path, kind: Kind, name: str, which: int) -> str:
    """A new key in the place of the first (0) or second (1), which opens nothing any more. Raises
    AccountError and OSError."""
    with _changing(data_dir) as known:
        found = known.find_batch(name) if kind == "batch" else known.find_storage(name)
        if found is None:
            raise AccountError(f"There is no {kind} account {name!r}.")
        if not found.made:
            where = "Its keys come from the configuration (config file, or the development keys)"
            raise AccountError(f"{where}: change them there and start the service again.")
        key = _key()
        keys = tuple(key if place == which else old for place, old in enumerate(found.keys))
        if key not in keys:
            raise AccountError(f"The account {name!r} has no key number {which + 1}.")
        accounts.save(_with_keys(known, kind, name, keys), data_dir)
    return key


def _with_keys(known: Accounts, kind: Kind, name: str, keys: tuple[str, ...]) -> Accounts:
    replace = msgspec.structs.replace
    if kind == "batch":
        batch = tuple(replace(one, keys=keys) if one.name == name else one for one in known.batch)
        return Accounts(batch, known.storage)
    storage = tuple(replace(one, keys=keys) if one.name == name else one for one in known.storage)
    return Accounts(known.batch, storage)


def _keys() -> tuple[str, ...]:
    return tuple(_key() for _ in range(KEYS))


def _key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


@contextmanager
def _changing(data_dir: Path) -> Iterator[Accounts]:
    """The accounts as they are, while nobody else changes them. Raises AccountError."""
    try:
        with _lock(data_dir):
            yield accounts.load(data_dir)
    except directory_lock.LockedError as error:
        raise AccountError(f"The accounts are being changed, and not done with: {error}.") from None
    except FileNotFoundError:
        raise AccountError(f"No service has been started with the data directory {data_dir}.") from None


def _lock(data_dir: Path) -> AbstractContextManager[None]:
    return directory_lock.held(data_dir / LOCK_FILE, patience=PATIENCE_SECONDS)
