"""`batchite pool`: pools of the running service."""

from __future__ import annotations

import click

from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command


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


def command() -> click.Group:
    """`pool`, and what is below it."""
    return Words(
        "pool", [explain_command(POOL), list_command(POOL), show_command(POOL)], help="Look at pools."
    )
