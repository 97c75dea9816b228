"""Flags made of the settings, so that a setting added there is a flag here."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, Optional

import typer

from batchite import accounts, endpoints
from batchite.accounts import Accounts
from batchite.config_file import SettingsError
from batchite.endpoints import Endpoints
from batchite.settings import CONFIG, SETTINGS, Setting, load


def fail(message: str) -> NoReturn:
    """End the command with an error that a person can act on."""
    typer.echo(f"batchite: {message}", err=True)
    sys.exit(1)


def not_started(data_dir: Path) -> NoReturn:
    """End the command: there is no service to speak of."""
    fail(
        f"no service has been started with the data directory {data_dir}. "
        "Start one with: batchite serve --data-dir ..."
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


def with_settings(
    command: Callable[..., None],
    *,
    names: Sequence[str] | None = None,
    more: Mapping[str, tuple[Any, object]] | None = None,
) -> Callable[..., None]:
    """`command` with flags for parameters, to be called with the loaded settings first.

    `names` keeps only these settings' flags (the rest still come from variables and the config file);
    `more` adds parameters of the command's own: annotation and default by name.
    """
    own = {name: _keyword(name, annotation, default) for name, (annotation, default) in (more or {}).items()}
    flags = [_flag(setting) for setting in (*SETTINGS, CONFIG) if names is None or setting.name in names]

    def run(**given: Any) -> None:
        try:
            settings = load(given, config=given.get("config") and Path(given["config"]))
        except SettingsError as error:
            fail(str(error))
        command(settings, **{name: given[name] for name in own})

    run.__signature__ = inspect.Signature([*own.values(), *flags])  # type: ignore[attr-defined]
    run.__doc__ = command.__doc__
    return run


def _flag(setting: Setting) -> inspect.Parameter:
    shown = f"{setting.help} [{setting.variable}; default: {setting.default_text}]"
    option = typer.Option(setting.flag, help=shown, show_default=False)
    kind: Any = bool if isinstance(setting.default, bool) else str
    return _keyword(setting.name, Annotated[Optional[kind], option], None)  # noqa: UP045 - `kind` is a value


def _keyword(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
