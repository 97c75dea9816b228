"""`batchite env`: settings of a shell or a program for the service at a data directory."""

from __future__ import annotations

import shlex

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.variables import variables
from batchite.configuration.endpoints import LOCK_FILE
from batchite.configuration.settings import Settings
from batchite.machine import directory_lock

HELP = 'Print the variables that Azure\'s tools read, for: eval "$(batchite env)"'


def command() -> click.Command:
    """`env`."""
    more = (
        click.Option(["--account"], help="Batch account; the first one if not given."),
        grammar.json_option(),
    )
    return options.command("env", _env, help=HELP, settings=("data_dir", "config"), more=more)


def _env(settings: Settings, account: str | None, as_json: bool) -> None:
    found = options.known_endpoints(settings.data_dir)
    try:
        values = variables(options.known_accounts(settings.data_dir), found, batch_account=account)
    except LookupError as error:
        exits.fail(str(error), exits.USAGE)
    if not directory_lock.is_held(settings.data_dir / LOCK_FILE):  # nothing that a shell would set
        exits.fail(f"the service at {settings.data_dir} is not running at present", exits.NOT_RUNNING)
    if as_json:
        printing.print_json(values)
    else:
        click.echo(exports(values))


def exports(values: dict[str, str]) -> str:
    """Commands of a POSIX shell that set `values`, quoted."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
