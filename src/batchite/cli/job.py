"""`batchite job`: jobs of the running service."""

from __future__ import annotations

import click

from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, list_command, of, show_command

JOB = Noun(
    "job",
    "jobs",
    (
        ("id", of("id")),
        ("state", of("state")),
        ("pool", of("poolInfo.poolId")),
        ("priority", of("priority")),
        ("created", of("creationTime")),
        ("ended", of("executionInfo.endTime")),
    ),
)


def command() -> click.Group:
    """`job`, and what is below it."""
    return Words("job", [list_command(JOB), show_command(JOB)], help="Look at jobs.")
