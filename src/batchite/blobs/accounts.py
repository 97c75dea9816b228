"""The accounts that are served, each with what is known of it, as long as nothing of it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from batchite.blobs.authentication import KnownAccount
from batchite.configuration.accounts import KnownAccounts, StorageAccount

T = TypeVar("T")


class ServedAccounts(Mapping[str, KnownAccount]):
    """By name. One that was made, or has another key, is there at once."""

    def __init__(self, accounts: KnownAccounts) -> None:
        self._accounts = accounts
        self._known: dict[str, tuple[StorageAccount, KnownAccount]] = {}

    def __getitem__(self, name: str) -> KnownAccount:
        account = self._accounts.find_storage(name)
        if account is None or account.is_foreign:
            raise KeyError(name)
        known = self._known.get(name)
        if known is None or known[0] != account:
            known = self._known[name] = (account, KnownAccount.of(account))
        return known[1]

    def __iter__(self) -> Iterator[str]:
        return (account.name for account in self._accounts.own_storage)

    def __len__(self) -> int:
        return len(self._accounts.own_storage)
