"""`batchite task`: tasks of the running service, and what they print."""

from __future__ import annotations

import sys

import click

from batchite.cli import grammar, nouns, options, printing
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.job import JOB
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

STDOUT, STDERR = "stdout.txt", "stderr.txt"


def _job(resource: Resource) -> str:
    """From its URL: a task does not say it otherwise."""
    return str(resource["url"]).rsplit("/", 3)[-3]


TASK = Noun(
    "task",
    "tasks",
    (
        ("id", of("id")),
        ("job", _job),
        ("state", of("state")),
        ("result", of("executionInfo.result")),
        ("exit", of("executionInfo.exitCode")),
        ("node", of("nodeInfo.nodeId")),
        ("retries", of("executionInfo.retryCount")),
        ("since", of("stateTransitionTime")),
    ),
    JOB,
)


def command() -> click.Group:
    """`task`, and what is below it."""
    return Words(
        "task",
        [explain_command(TASK), list_command(TASK), _logs(), show_command(TASK)],
        help="Look at tasks.",
    )


def _logs() -> click.Command:
    more = (
        click.Argument(["id"]),
        nouns.parent_option(JOB),
        click.Option(["--stderr", "only_stderr"], is_flag=True, help="Only what it printed as errors."),
        click.Option(["--stdout", "only_stdout"], is_flag=True, help="Only its ordinary output."),
        nouns.account_option(),
        grammar.json_option(),
    )
    text = "Print what a task has printed so far: its output, then its errors."
    return options.command("logs", _print_logs, help=text, settings=nouns.USED, more=more)


def _print_logs(
    settings: Settings,
    id: str,
    parent: str | None,
    only_stderr: bool,
    only_stdout: bool,
    account: str | None,
    as_json: bool,
) -> None:
    client = BatchRequests(settings, account)
    path = nouns.locate(client, TASK, id, parent)
    wanted = [
        name for name, other in ((STDOUT, only_stderr), (STDERR, only_stdout)) if not other
    ]  # both flags ask for both
    wanted = wanted or [STDOUT, STDERR]
    if as_json:
        contents = {name: b"".join(client.blocks(*path, "files", name)) for name in wanted}
        printing.print_json({name: content.decode(errors="replace") for name, content in contents.items()})
        return
    for name in wanted:
        target = sys.stdout if name == STDOUT or len(wanted) == 1 else sys.stderr
        target.flush()
        for block in client.blocks(*path, "files", name):
            target.buffer.write(block)
        target.flush()
