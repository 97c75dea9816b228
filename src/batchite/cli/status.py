"""`batchite status`: whether the service runs, where, and what it holds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.job import JOB
from batchite.cli.node import NODE
from batchite.cli.nouns import Noun
from batchite.cli.pool import POOL
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

HELP = "Say whether the service runs, where, and what it holds."


def command() -> click.Command:
    """`status`."""
    more = nouns.service_options()
    return options.command("status", _status, help=HELP, settings=nouns.USED, more=more)


def _status(settings: Settings, account: str | None, as_json: bool) -> None:
    found = options.known_endpoints(settings.data_dir).of_those_serving
    running = options.is_running(settings.data_dir)
    told: dict[str, Any] = {"running": running, "data_dir": str(settings.data_dir)}
    if running:
        urls = {"batch": found.public_url("batch"), "blob": found.public_url("blob")}
        told |= {"pid": found.pid} | {name: url for name, url in urls.items() if url}
        if found.url("batch"):
            client = BatchRequests(settings, account)
            told |= {noun.plural: _states(client, noun) for noun in (POOL, NODE, JOB)}
    if as_json:
        printing.print_json(told)
    else:
        printing.print_indented({name: _in_words(value) for name, value in told.items()})
    sys.exit(0 if running else exits.NOT_RUNNING)


def _states(client: BatchRequests, noun: Noun) -> dict[str, int]:
    """How many of them there are in each state."""
    return dict(
        Counter(
            resource["state"]
            for place in nouns.places(client, noun, None)
            for resource in client.each(*place, **{"$select": "id,state"})
        )
    )


def _in_words(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {state}" for state, count in sorted(value.items())) or "none"
    return ("yes" if value else "no") if isinstance(value, bool) else value
