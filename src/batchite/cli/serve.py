"""`batchite serve`: run the services until Ctrl-C."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated, Literal, Optional

import typer

from batchite import __version__, uptime
from batchite.cli import options
from batchite.cli.variables import connection_string
from batchite.endpoints import Endpoints, Service
from batchite.settings import Settings

HELP = "Run both services, or only the one named, until Ctrl-C."


def add_to(app: typer.Typer) -> None:
    """Add the command `serve`."""
    service = Optional[Literal["blob", "batch"]]  # noqa: UP045 - read at run time
    argument = typer.Argument(metavar="[blob|batch]", help="Run this one alone.", show_default=False)
    until_eof = typer.Option("--until-eof", help="Stop when standard input ends, too.", show_default=False)
    more = {
        "service": (Annotated[service, argument], None),
        "until_eof": (Annotated[bool, until_eof], False),
    }
    app.command("serve", help=HELP)(options.with_settings(_serve, more=more))


def _serve(settings: Settings, service: Service | None, until_eof: bool) -> None:
    from batchite.supervisor import CannotStartError, supervise

    services: tuple[Service, ...] = (service,) if service else ("batch", "blob")
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s serve %(levelname)s %(name)s: %(message)s"
    )

    def announce(endpoints: Endpoints) -> None:
        print("\n".join(announcement(settings, endpoints, services)), flush=True)

    try:
        code = supervise(settings, services, announce, until_eof=until_eof)
    except CannotStartError as error:
        options.fail(str(error))
    sys.exit(code)


def announcement(settings: Settings, endpoints: Endpoints, services: Sequence[Service]) -> list[str]:
    """What a person wants to know of services that are ready, a line each."""
    lines = [f"Batchite {__version__}"]
    if "batch" in services:
        lines.append(f"Batch   {endpoints.url('batch')}")
        lines += [f"        account {account.name}" for account in settings.accounts.batch]
    if "blob" in services:
        blob_url = endpoints.url("blob") or ""
        lines.append(f"Blob    {blob_url}")
        for account in settings.accounts.storage:
            lines += [f"        account {account.name}", f"        {connection_string(account, blob_url)}"]
    lines.append(f"Data    {settings.data_dir}")
    if settings.content and "blob" in services:
        lines.append(f"Content {settings.content}")
    lines.append(f'Shell   eval "$(batchite env --data-dir {shlex.quote(str(settings.data_dir))})"')
    lines.append(f"Ready in {uptime.seconds():.2f} s. Ctrl-C stops.")
    return lines
