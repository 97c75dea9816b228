"""Flags made of the settings, so that a setting added there is a flag here."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from batchite.cli.exits import NOT_RUNNING, USAGE, fail
from batchite.cli.grammar import Command
from batchite.configuration import accounts, endpoints
from batchite.configuration.accounts import Accounts
from batchite.configuration.config_file import SettingsError
from batchite.configuration.endpoints import LOCK_FILE, Endpoints
from batchite.configuration.settings import CONFIG, SETTINGS, Setting, load
from batchite.machine import directory_lock


def not_started(data_dir: Path) -> NoReturn:
    """End the command: there is no service to speak of."""
    fail(
        f"no service has been started with the data directory {data_dir}. "
        f"Start one with: batchite serve --data-dir {shlex.quote(str(data_dir))}",
        NOT_RUNNING,
    )


def known_accounts(data_dir: Path) -> Accounts:
    """The accounts of the service at a data directory. Ends the command if they cannot be read."""
    try:
        return accounts.load(data_dir)
    except FileNotFoundError:
        not_started(data_dir)
    except OSError as error:
        fail(f"the accounts in {data_dir} cannot be read: {error.strerror}")
    except ValueError:
        fail(f"{data_dir / accounts.FILE_NAME} is damaged; the service writes it anew when it is started")


def known_endpoints(data_dir: Path) -> Endpoints:
    """Where the services of a data directory are. Ends the command if that is not known."""
    try:
        found = endpoints.load(data_dir)
    except OSError as error:
        fail(f"the addresses in {data_dir} cannot be read: {error.strerror}")
    return not_started(data_dir) if found is None else found


def is_running(data_dir: Path) -> bool:
    return directory_lock.is_held(data_dir / LOCK_FILE)


def running_endpoints(data_dir: Path) -> Endpoints:
    """Where the running services of a data directory are. Ends the command if none runs.

    Their addresses alone do not tell: those of another directory may have them now.
    """
    found = known_endpoints(data_dir)
    if not is_running(data_dir):
        fail(f"the service at {data_dir} is not running at present", NOT_RUNNING)
    return found.of_those_serving


def command(
    name: str,
    run: Callable[..., None],
    *,
    help: str,
    settings: Sequence[str] | None = None,
    more: Sequence[click.Parameter] = (),
) -> click.Command:
    """A command that calls `run` with the loaded settings, and with the parameters `more` by their names.

    `settings` keeps only these settings' flags (the rest still come from variables and the config file).
    """
    own = [parameter.name or "" for parameter in more]
    flags = [_flag(one) for one in (*SETTINGS, CONFIG) if settings is None or one.name in settings]

    def call(**given: Any) -> None:
        try:
            loaded = load(given, config=given.get("config") and Path(given["config"]))
        except SettingsError as error:
            fail(str(error), USAGE)
        run(loaded, **{name: given[name] for name in own})

    return Command(name, call, [*more, *flags], help)


def _flag(setting: Setting) -> click.Option:
    shown = f"{setting.help} [{setting.variable}; default: {setting.default_text}]"
    if isinstance(setting.default, bool):
        return click.Option([f"{setting.flag}/--no-{setting.flag[2:]}"], default=None, help=shown)
    if setting.is_path:
        return click.Option([setting.flag], type=click.Path(), metavar="PATH", help=shown)
    return click.Option([setting.flag], metavar="TEXT", help=shown)
