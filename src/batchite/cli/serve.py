"""`batchite serve`: run the services until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import msgspec

from batchite.cli import exits, grammar, options, portal, printing
from batchite.cli.ahead import Ahead
from batchite.cli.announcement import announcement, document
from batchite.configuration.endpoints import Endpoints, Service
from batchite.configuration.settings import Settings
from batchite.link.machines import Isolation
from batchite.machine import lines

HELP = "Run both services, or only the one named, until Ctrl-C."


def command() -> click.Command:
    """`serve`."""
    more = (
        click.Argument(
            ["service"], type=click.Choice(["blob", "batch"]), required=False, metavar="[blob|batch]"
        ),
        click.Option(["--until-eof"], is_flag=True, help="Stop when standard input ends, too."),
        grammar.json_option(),
    )
    return options.command("serve", _serve, help=HELP, more=more)


def _serve(settings: Settings, service: Service | None, until_eof: bool, as_json: bool) -> None:
    from batchite.supervisor.supervisor import CannotStartError, supervise

    services: Sequence[Service] = (service,) if service else ("batch", "blob")
    lines.begin(settings.log_level, "serve")

    def announce(endpoints: Endpoints, isolation: Isolation) -> None:
        nonlocal settings
        settings = msgspec.structs.replace(settings, accounts=options.known_accounts(settings.data_dir))
        shown = portal.announced(settings, endpoints) if "batch" in services else ""
        if as_json:
            printing.print_json(document(settings, endpoints, services, shown, isolation))
        else:
            print("\n".join(announcement(settings, endpoints, services, shown, isolation)), flush=True)
        sys.stdout.flush()

    ahead: Ahead = click.get_current_context().obj
    try:
        code = supervise(settings, ahead.take(services), announce, until_eof=until_eof)
    except CannotStartError as error:
        exits.fail(str(error))
    sys.exit(code)
