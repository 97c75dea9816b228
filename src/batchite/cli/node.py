"""`batchite node`: compute nodes of the running service."""

from __future__ import annotations

import click

from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.pool import POOL


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
        "node", [explain_command(NODE), list_command(NODE), show_command(NODE)], help="Look at compute nodes."
    )
