"""`batchite env`: settings of a shell or a program for the service at a data directory."""

from __future__ import annotations

import shlex

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.variables import variables
from batchite.configuration.settings import Settings

HELP = 'Print the variables that Azure\'s tools read. In a shell: eval "$(batchite env)"'


def command() -> click.Command:
    """`env`."""
    more = (
        click.Option(["--account"], help="Batch account; the first one if not given."),
        grammar.json_option(),
    )
    return options.command("env", _env, help=HELP, settings=("data_dir", "config"), more=more)


def _env(settings: Settings, account: str | None, as_json: bool) -> None:
    known = options.known_accounts(settings.data_dir)
    found = options.running_endpoints(settings.data_dir)
    try:
        values = variables(known, found, batch_account=account)
    except LookupError as error:
        exits.fail(str(error), exits.USAGE)
    if as_json:
        printing.print_json(values)
    else:
        click.echo(exports(values))


def exports(values: dict[str, str]) -> str:
    """Commands of a POSIX shell that set `values`, quoted."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
