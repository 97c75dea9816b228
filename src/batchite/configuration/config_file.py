"""The config file: TOML with the settings, the accounts and the environment of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import TypeVar

import msgspec

from batchite.configuration import spelling
from batchite.configuration.accounts import (
    DEVELOPMENT_ACCOUNTS,
    Accounts,
    BatchAccount,
    StorageAccount,
    check_key,
)
from batchite.configuration.names import check_account_name, check_quota

T = TypeVar("T")

TABLES = frozenset(
    {"batch_accounts", "storage_accounts", "environment", "fidelity", "images", "sandbox", "scheduling"}
)


class SettingsError(Exception):
    """A setting that cannot be used; the text names its place, the value, the rule and what to do."""


def read_text(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("must be text that is not empty")
    return given.strip()


def checked(read: Callable[[object], T], given: object, place: str) -> T:
    try:
        return read(given)
    except ValueError as error:
        raise SettingsError(f"{place} = {given!r}: {error}") from None


def read(path: Path) -> dict[str, object]:
    import tomllib  # only here: few have such a file

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise SettingsError(f"{path}: is nested too deeply") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise SettingsError(f"{path}: is not TOML: {error}") from None


def refuse_unknown(table: Mapping[str, object], known: Set[str], place: str) -> None:
    for name in table:
        if name not in known:
            raise SettingsError(f"{place}: {name}: no such setting; {spelling.hint(name, sorted(known))}")


def accounts(document: Mapping[str, object], place: str) -> Accounts:
    batch = tuple(_batch_account(table, where) for table, where in tables(document, "batch_accounts", place))
    storage = tuple(
        _storage_account(table, where) for table, where in tables(document, "storage_accounts", place)
    )
    found = Accounts(
        batch=batch or (_development_batch(storage),), storage=storage or DEVELOPMENT_ACCOUNTS.storage
    )
    _check_names(found, place)
    return found


def _development_batch(storage: tuple[StorageAccount, ...]) -> BatchAccount:
    """Beside configured storage accounts it uses the first of those."""
    account = DEVELOPMENT_ACCOUNTS.batch[0]
    return msgspec.structs.replace(account, storage_account=storage[0].name) if storage else account


def tables(document: Mapping[str, object], name: str, place: str) -> list[tuple[dict[str, object], str]]:
    """Each with the place that its errors name."""
    found = document.get(name, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise SettingsError(f"{place}: {name}: must be written as [[{name}]] tables")
    return [(table, f"{place}: {name}[{index}]") for index, table in enumerate(found)]


def _batch_account(table: dict[str, object], place: str) -> BatchAccount:
    refuse_unknown(table, {"name", "key", "keys", "storage_account", "core_quota", "job_quota"}, place)
    storage = table.get("storage_account")
    return BatchAccount(
        name=checked(check_account_name, table.get("name"), f"{place}.name"),
        keys=_keys(table, place),
        storage_account=None if storage is None else checked(read_text, storage, f"{place}.storage_account"),
        core_quota=_quota(table, "core_quota", place),
        job_quota=_quota(table, "job_quota", place),
    )


def _quota(table: dict[str, object], name: str, place: str) -> int | None:
    given = table.get(name)
    return None if given is None else checked(check_quota, given, f"{place}.{name}")


def _storage_account(table: dict[str, object], place: str) -> StorageAccount:
    refuse_unknown(table, {"name", "key", "keys", "blob_endpoint"}, place)
    endpoint = table.get("blob_endpoint")
    return StorageAccount(
        name=checked(check_account_name, table.get("name"), f"{place}.name"),
        keys=_keys(table, place),
        blob_endpoint="" if endpoint is None else checked(_endpoint, endpoint, f"{place}.blob_endpoint"),
    )


def _endpoint(given: object) -> str:
    from urllib.parse import urlsplit  # only here: few have such an account

    url = read_text(given).rstrip("/")
    parts = urlsplit(url)
    is_plain = url.isascii() and url.isprintable() and not set(' "\\<>') & set(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise ValueError("must look like https://films.blob.core.windows.net or http://10.0.0.7:10000/films")
    if "@" in parts.netloc or "?" in url or "#" in url or parts.port == 0:
        raise ValueError("has neither user, query nor fragment; the key of the account is what signs")
    return url


def _keys(table: dict[str, object], place: str) -> tuple[str, ...]:
    if ("key" in table) == ("keys" in table):
        raise SettingsError(f"{place}: give either key (one) or keys (a list of one or two)")
    keys = [table["key"]] if "key" in table else table["keys"]
    if not isinstance(keys, list) or not 1 <= len(keys) <= 2:
        raise SettingsError(f"{place}.keys: must be a list of one or two keys")
    return tuple(_key(key, f"{place}.key") for key in keys)


def _key(given: object, place: str) -> str:
    try:  # the value is a secret, so the error does not repeat it
        key = read_text(given)
        check_key(key)
    except ValueError as error:
        raise SettingsError(f"{place}: {error}") from None
    return key


def _check_names(accounts: Accounts, place: str) -> None:
    for kind, named in (("batch_accounts", accounts.batch), ("storage_accounts", accounts.storage)):
        names = [account.name for account in named]
        for name in names:
            if names.count(name) > 1:
                raise SettingsError(f"{place}: {kind}: {name!r} is there twice; names are unique")
    for account in accounts.batch:
        if account.storage_account and accounts.find_storage(account.storage_account) is None:
            raise SettingsError(
                f"{place}: batch_accounts: storage_account = {account.storage_account!r} of {account.name!r} "
                "is none of the storage_accounts; add it there"
            )


def environment(document: Mapping[str, object], place: str) -> dict[str, str]:
    return texts(document.get("environment", {}), f"{place}: environment")


def texts(table: object, place: str) -> dict[str, str]:
    """Variables of tasks."""
    if not isinstance(table, dict):
        raise SettingsError(f"{place}: must be a table of texts")
    for name, value in table.items():
        if not name or "=" in name or "\0" in name or not isinstance(value, str) or "\0" in value:
            raise SettingsError(f"{place}.{name} = {value!r}: names and values are text")
        if name.upper().startswith("AZ_BATCH_"):
            raise SettingsError(f"{place}.{name}: names that start with AZ_BATCH_ are the service's own")
    return table


def table(document: Mapping[str, object], name: str, known: Set[str], place: str) -> dict[str, object]:
    """What stands in a table such as `[fidelity]`, unread."""
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise SettingsError(f"{place}: {name}: must be a table")
    refuse_unknown(found, known, f"{place}: {name}")
    return found
