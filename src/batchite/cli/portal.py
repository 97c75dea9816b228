"""`batchite portal`: a link that opens the portal of a running service, once."""

from __future__ import annotations

import time
from pathlib import Path

import click

from batchite.cli import exits, grammar, options, printing
from batchite.configuration import entrance
from batchite.configuration.endpoints import Endpoints
from batchite.configuration.settings import Settings, is_loopback

HELP = "Print a link that opens the portal in a browser. It is good once, for ten minutes."


def command() -> click.Command:
    """`portal`."""
    more = (
        click.Option(["--open", "opens"], is_flag=True, help="Open it in this machine's browser, too."),
        grammar.json_option(),
    )
    return options.command("portal", _portal, help=HELP, settings=("data_dir", "config"), more=more)


def _portal(settings: Settings, opens: bool, as_json: bool) -> None:
    found = options.running_endpoints(settings.data_dir)
    if found.batch_port is None:
        exits.fail("the portal is the Batch service's, and that was not started", exits.NOT_RUNNING)
    try:
        url = link(settings.data_dir, found)
    except OSError as error:
        exits.fail(f"no link can be made in {settings.data_dir}: {error.strerror}")
    if as_json:
        printing.print_json({"portal": url})
    else:
        click.echo(url)
    if opens:
        import webbrowser

        webbrowser.open(url)


def link(data_dir: Path, endpoints: Endpoints) -> str:
    """A URL that opens the portal once. Raises OSError."""
    return f"{endpoints.public_url('batch')}{entrance.PATH}?token={entrance.issue(data_dir, time.time())}"


def announced(settings: Settings, endpoints: Endpoints) -> str:
    """What `batchite serve` says of the portal: a link that opens it where only this machine can connect,
    else its address alone, since others may read what is logged. Empty where there is none."""
    if settings.portal == "off":
        return ""
    try:
        if is_loopback(settings.host) and not endpoints.batch_public_url:
            return link(settings.data_dir, endpoints)
    except OSError:  # the disk is full, which keeps nobody from starting
        pass
    return f"{endpoints.public_url('batch')}/-/portal/"
