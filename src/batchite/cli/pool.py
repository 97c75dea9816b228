"""`batchite pool`: pools of the running service."""

from __future__ import annotations

import click

from batchite.cli import nouns, options, printing, resizing
from batchite.cli.defining import update_pool_command
from batchite.cli.ending import delete_command
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings


def _nodes(resource: Resource) -> str:
    """How many there are, and how many there are to be."""
    current = sum(resource.get(f"current{kind}Nodes", 0) for kind in ("Dedicated", "LowPriority"))
    target = sum(resource.get(f"target{kind}Nodes", 0) for kind in ("Dedicated", "LowPriority"))
    return f"{current}/{target}"


POOL = Noun(
    "pool",
    "pools",
    (
        ("id", of("id")),
        ("state", of("state")),
        ("allocation", of("allocationState")),
        ("nodes", _nodes),
        ("size", of("vmSize")),
        ("slots", of("taskSlotsPerNode")),
        ("created", of("creationTime")),
    ),
)


USAGE = (
    ("pool", of("poolId")),
    ("size", of("vmSize")),
    ("dedicated", of("dedicatedCoreHours")),
    ("low-priority", of("lowPriorityCoreHours")),
    ("core hours", of("totalCoreHours")),
)


def _usage() -> click.Command:
    more = (
        click.Argument(["id"], required=False),
        click.Option(["--from", "from_"], metavar="TIME", help="As 2026-01-31T12:00Z; a day before the end."),
        click.Option(["--to"], metavar="TIME", help="The end; now, if not given."),
        *nouns.service_options(),
    )
    text = "Show the core hours of pools by size, also of pools that are gone; of one, if its id is given."
    return options.command("usage", _print_usage, help=text, settings=nouns.USED, more=more)


def _print_usage(
    settings: Settings, id: str | None, from_: str | None, to: str | None, account: str | None, as_json: bool
) -> None:
    given = {"poolid": id, "starttime": from_, "endtime": to}
    query = {name: value for name, value in given.items() if value is not None}
    found = BatchRequests(settings, account).get("-", "usage", "pools", **query)
    if as_json:
        printing.print_json(found)
        return
    rows = ([_cell(read(entry)) for _, read in USAGE] for entry in found["value"])
    printing.print_table([name for name, _ in USAGE], rows)


def _cell(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else value


def command() -> click.Group:
    """`pool`, and what is below it."""
    looking = [explain_command(POOL), list_command(POOL), show_command(POOL), _usage()]
    deleting = delete_command(POOL, "all of its nodes; tasks that run there wait for another pool of its id")
    commands = [*looking, update_pool_command(POOL), *resizing.commands(), deleting]
    return Words("pool", commands, help="Look at pools, define them anew, resize and delete them.")
