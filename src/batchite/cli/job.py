"""`batchite job`: jobs of the running service."""

from __future__ import annotations

import sys

import click

from batchite.cli import exits, grammar, nouns, options, printing
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, list_command, of, show_command
from batchite.cli.requests import BatchRequests, PatientRequests
from batchite.configuration.settings import Settings

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
CAUSES = (
    ("tasks", of("count")),
    ("cause", of("cause")),
    ("code", of("code")),
    ("exit", of("exitCode")),
    ("latest", of("latestTime")),
    ("line", of("line")),
)


def command() -> click.Group:
    """`job`, and what is below it."""
    commands = [explain_command(JOB), _failures(), list_command(JOB), show_command(JOB), _watch()]
    return Words("job", commands, help="Look at jobs.")


def _failures() -> click.Command:
    more = (click.Argument(["id"]), nouns.account_option(), grammar.json_option())
    text = "Count the failed tasks of a job by cause: code, exit code, and what they printed last."
    return options.command("failures", _print_failures, help=text, settings=nouns.USED, more=more)


def _print_failures(settings: Settings, id: str, account: str | None, as_json: bool) -> None:
    found = BatchRequests(settings, account).get("-", "jobs", id, "failures")
    if as_json:
        printing.print_json(found)
        return
    rows = ([read(cause) for _, read in CAUSES] for cause in found["causes"])
    printing.print_table([name for name, _ in CAUSES], rows)


def _watch() -> click.Command:
    more = (
        click.Argument(["id"]),
        click.Option(["--from-start"], is_flag=True, help="Tell what has happened before, too."),
        nouns.account_option(),
        grammar.json_option(),
    )
    text = (
        "Follow a job to its end: how far, how fast, what fails. It ends when the job or all of its tasks "
        f"have completed, with {exits.TASKS_FAILED} if not all have succeeded. With --json every change is "
        "printed, a line each."
    )
    return options.command("watch", _follow, help=text, settings=nouns.USED, more=more)


def _follow(settings: Settings, id: str, from_start: bool, account: str | None, as_json: bool) -> None:
    from batchite.cli import watching

    client = PatientRequests(settings, account)
    sys.exit(watching.watch(client, id, from_start=from_start, as_json=as_json))
