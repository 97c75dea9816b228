"""`batchite node`: compute nodes of the running service."""

from __future__ import annotations

import click

from batchite.cli import exits, grammar, nouns, options, printing
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.pool import POOL
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings


def _pool(resource: Resource) -> str:
    """From its URL: a node does not say it otherwise."""
    return str(resource["url"]).rsplit("/", 3)[-3]


NODE = Noun(
    "node",
    "nodes",
    (
        ("id", of("id")),
        ("pool", _pool),
        ("state", of("state")),
        ("running", of("runningTasksCount")),
        ("run", of("totalTasksRun")),
        ("since", of("stateTransitionTime")),
    ),
    POOL,
)


def command() -> click.Group:
    """`node`, and what is below it."""
    return Words(
        "node",
        [explain_command(NODE), list_command(NODE), _log(), show_command(NODE)],
        help="Look at compute nodes.",
    )


def _log() -> click.Command:
    more = (
        click.Argument(["id"]),
        nouns.parent_option(POOL),
        nouns.account_option(),
        grammar.json_option(),
    )
    text = "Print what a node's agent has said last of itself; what its tasks print is elsewhere."
    return options.command("log", _print_log, help=text, settings=nouns.USED, more=more)


def _print_log(settings: Settings, id: str, parent: str | None, account: str | None, as_json: bool) -> None:
    client = BatchRequests(settings, account)
    found = client.get("-", *nouns.locate(client, NODE, id, parent), "log")
    if as_json:
        printing.print_json(found)
        return
    if "log" not in found:
        exits.fail(
            f"what the agent of {id!r} says cannot be read here: it has not been started, or another "
            "process of the service answers for it",
            exits.NOT_FOUND,
        )
    for line in found["log"].splitlines():
        click.echo(printing.shown(line))
