"""`batchite schedule`: job schedules of the running service."""

from __future__ import annotations

import click

from batchite.cli.changing import Change, change_command
from batchite.cli.ending import delete_command, end_command
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, list_command, of, show_command

SCHEDULE = Noun(
    "schedule",
    "jobschedules",
    (
        ("id", of("id")),
        ("state", of("state")),
        ("every", of("schedule.recurrenceInterval")),
        ("next run", of("executionInfo.nextRunTime")),
        ("last job", of("executionInfo.recentJob.id")),
        ("created", of("creationTime")),
        ("ended", of("executionInfo.endTime")),
    ),
)
DISABLE = Change("disable", "Have a job schedule make no jobs; the one that it has goes on.", ("disable",))
ENABLE = Change("enable", "Have a job schedule make jobs again.", ("enable",))


def command() -> click.Group:
    """`schedule`, and what is below it."""
    commands = [
        delete_command(SCHEDULE, "all of its jobs and their tasks", can_be_forced=True),
        change_command(SCHEDULE, DISABLE),
        change_command(SCHEDULE, ENABLE),
        explain_command(SCHEDULE),
        list_command(SCHEDULE),
        show_command(SCHEDULE),
        end_command(SCHEDULE, "End a job schedule with the job that it has."),
    ]
    return Words("schedule", commands, help="Look at job schedules, and have them make jobs or none.")
