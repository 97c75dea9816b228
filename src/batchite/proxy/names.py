"""Which of the services the cloud's name of a host means, and which names lead nowhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from http import HTTPStatus

from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.endpoints import Service
from batchite.proxy.problems import RefusedError
from batchite.wire import cloud


class Names:
    """The names of the accounts that there are at each moment. With `offline`, nothing else is led on but to
    this machine."""

    def __init__(self, accounts: KnownAccounts, *, offline: bool = False) -> None:
        self._accounts = accounts
        self._offline = offline

    def service(self, host: str) -> Service | None:
        """Whose name it is; None for a host that is none of ours and may be reached. Raises RefusedError."""
        service = service_of(host, self._accounts)
        if service is None:
            self._check(host)
        return service

    def _check(self, host: str) -> None:
        account = cloud.storage_account(host)
        if account is not None and account in own_storage(self._accounts):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                f"{host} is not led on: the storage account {account} is Batchite's, which serves blobs only",
            )
        if self._offline and not _is_this_machine(host):
            raise RefusedError(
                HTTPStatus.FORBIDDEN, f"{host} is refused with --offline: {self._reason(host)}"
            )

    def _reason(self, host: str) -> str:
        for kind, name, known in (
            ("Batch", cloud.batch_account(host), {account.name for account in self._accounts.batch}),
            ("storage", cloud.blob_account(host), own_storage(self._accounts)),
        ):
            if name is not None:
                return f"there is no {kind} account {name} here; there are {', '.join(sorted(known))}"
        return "it is no name of an account here"


def service_of(host: str, accounts: KnownAccounts) -> Service | None:
    """Which service has the account that the cloud calls so."""
    if cloud.blob_account(host) in own_storage(accounts):
        return "blob"
    batch = cloud.batch_account(host)
    return "batch" if batch is not None and accounts.find_batch(batch) is not None else None


def own_storage(accounts: KnownAccounts) -> set[str]:
    """The names of the storage accounts that our Blob service serves."""
    return {account.name for account in accounts.own_storage}


class HostLines:
    """The lines of a hosts file by which the names of the accounts lead to an address, as the accounts are at
    each call. A file has no patterns, so a Batch account has a name for each of so many regions."""

    def __init__(self, accounts: KnownAccounts, address: str, regions: Iterable[str]) -> None:
        self._accounts = accounts
        self._address = address
        self._regions = tuple(dict.fromkeys(regions))
        self._seen: tuple[object, object] = None, None
        self._lines: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        """The same value as long as the accounts are the same."""
        batch, storage = self._accounts.batch, self._accounts.storage
        if self._seen[0] is not batch or self._seen[1] is not storage:
            names = [*of_blobs(self._accounts), *of_batch(self._accounts, self._regions)]
            self._lines = tuple(f"{self._address}\t{name}" for name in names)
            self._seen = batch, storage
        return self._lines


def of_blobs(accounts: KnownAccounts) -> list[str]:
    """What the cloud calls our storage accounts."""
    ends = ("", cloud.SECONDARY)
    return [f"{name}{end}.{cloud.BLOB}" for name in sorted(own_storage(accounts)) for end in ends]


def of_batch(accounts: KnownAccounts, regions: Iterable[str]) -> list[str]:
    """What it calls our Batch accounts if they are in one of these regions."""
    known = sorted(account.name for account in accounts.batch)
    return [f"{name}.{region}.{cloud.BATCH}" for name in known for region in regions]


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
