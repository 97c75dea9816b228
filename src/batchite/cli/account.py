"""`batchite account`: accounts beside those of the config file, also while the services run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.grammar import Words
from batchite.configuration import made
from batchite.configuration.accounts import Accounts, BatchAccount, StorageAccount
from batchite.configuration.made import AccountError, Kind
from batchite.configuration.settings import Settings

T = TypeVar("T")
Account: TypeAlias = BatchAccount | StorageAccount
KINDS: dict[str, tuple[Kind, ...]] = {
    "both": ("batch", "storage"),
    "batch": ("batch",),
    "storage": ("storage",),
}
SETTINGS_USED = ("data_dir", "config")


def command() -> click.Group:
    """`account`, and what is below it."""
    name = click.Argument(["name"])
    kind = click.Option(["--kind"], type=click.Choice([*KINDS]), default="both", show_default=True)
    storage = click.Option(["--storage-account"], default="", help="Of the Batch account, if none is made.")
    cores = click.Option(["--core-quota"], type=int, help="Most cores of all nodes together.")
    jobs = click.Option(["--job-quota"], type=int, help="Most jobs and job schedules that are not completed.")
    create = options.command(
        "create",
        _create,
        help="Make a Batch account and a storage account, or one of them. Services that run know it at once.",
        settings=SETTINGS_USED,
        more=[name, kind, storage, cores, jobs, grammar.json_option()],
    )
    list_ = options.command(
        "list", _list, help="List the accounts.", settings=SETTINGS_USED, more=[grammar.json_option()]
    )
    which = click.Option(["--key"], type=click.IntRange(1, made.KEYS), default=1, show_default=True)
    one = click.Option(["--kind"], type=click.Choice(["batch", "storage"]), required=True)
    renew = options.command(
        "renew-key",
        _renew,
        help="Replace a key of an account that was made so; what used the old one is refused from then on.",
        settings=SETTINGS_USED,
        more=[name, one, which, grammar.json_option()],
    )
    return Words("account", [create, list_, renew], help="Make accounts and keys, and list them.")


def _create(
    settings: Settings,
    name: str,
    kind: str,
    storage_account: str,
    core_quota: int | None,
    job_quota: int | None,
    as_json: bool,
) -> None:
    found = _try(
        settings.data_dir,
        lambda: made.add(
            settings.data_dir,
            name,
            KINDS[kind],
            storage_account=storage_account,
            core_quota=core_quota,
            job_quota=job_quota,
        ),
    )
    if as_json:
        printing.print_json(_document(found, keys=True))
        return
    for account in _all(found):
        click.echo(f"{_kind(account)} account {account.name}")
        for key in account.keys:
            click.echo(f"  key {key}")


def _list(settings: Settings, as_json: bool) -> None:
    found = options.known_accounts(settings.data_dir)
    if as_json:
        printing.print_json(_document(found, keys=False))
        return
    for account in _all(found):
        click.echo(f"{account.name:24}  {_kind(account):8} {'made here' if account.made else 'configured'}")


def _renew(settings: Settings, name: str, kind: Kind, key: int, as_json: bool) -> None:
    new = _try(settings.data_dir, lambda: made.renew_key(settings.data_dir, kind, name, key - 1))
    if as_json:
        printing.print_json({"key": new})
    else:
        click.echo(new)


def _try(data_dir: Path, change: Callable[[], T]) -> T:
    try:
        return change()
    except AccountError as error:
        exits.fail(str(error))
    except (OSError, ValueError) as error:
        exits.fail(f"the accounts in {data_dir} cannot be changed: {error}")


def _all(found: Accounts) -> list[Account]:
    return [*found.batch, *found.storage]


def _kind(account: Account) -> Kind:
    return "batch" if isinstance(account, BatchAccount) else "storage"


def _document(found: Accounts, *, keys: bool) -> list[dict[str, object]]:
    return [
        {
            "name": account.name,
            "kind": _kind(account),
            "made": account.made,
            **({"keys": list(account.keys)} if keys else {}),
        }
        for account in _all(found)
    ]
