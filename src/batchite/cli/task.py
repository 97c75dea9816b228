"""`batchite task`: tasks of the running service, and what they print."""

from __future__ import annotations

import click

from batchite.cli import exits, logs, nouns, options, printing, searching
from batchite.cli.changing import Change, change_command
from batchite.cli.ending import delete_command
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.job import JOB
from batchite.cli.logs import STDERR, STDOUT
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.requests import BatchRequests, PatientRequests
from batchite.configuration.settings import Settings


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


_UNFINISHED = frozenset({"active", "preparing", "running"})
REACTIVATE = Change(
    "reactivate",
    "Run a task anew that has failed. Its retries count from the beginning.",
    ("reactivate",),
    busy=_UNFINISHED,
)
TERMINATE = Change("terminate", "End a task, whether it runs or waits.", ("terminate",), busy=_UNFINISHED)


def command() -> click.Group:
    """`task`, and what is below it."""
    commands = [
        delete_command(TASK, "its files"),
        explain_command(TASK),
        list_command(TASK),
        _logs(),
        change_command(TASK, REACTIVATE),
        searching.search_command(),
        show_command(TASK),
        change_command(TASK, TERMINATE),
    ]
    return Words("task", commands, help="Look at tasks, end them, and run them anew.")


def _logs() -> click.Command:
    more = (
        click.Argument(["words"], nargs=-1, required=True, metavar="[JOB] TASK"),
        *nouns.parent_options(TASK),
        click.Option(["-f", "--follow"], is_flag=True, help="Go on until the task has completed."),
        click.Option(["--stderr", "only_stderr"], is_flag=True, help="Only what it printed as errors."),
        click.Option(["--stdout", "only_stdout"], is_flag=True, help="Only its ordinary output."),
        *nouns.service_options(),
    )
    text = "Print what a task has printed: its output, then its errors. With -f go on as it comes."
    return options.command("logs", _print_logs, help=text, settings=nouns.USED, more=more)


def _print_logs(
    settings: Settings,
    words: tuple[str, ...],
    parent: str | None,
    follow: bool,
    only_stderr: bool,
    only_stdout: bool,
    account: str | None,
    as_json: bool,
) -> None:
    job, id = _named(words, parent)
    if follow and as_json:
        exits.fail("--json prints all at the end, and --follow as it comes; give one of them", exits.USAGE)
    client = PatientRequests(settings, account) if follow else BatchRequests(settings, account)
    path = nouns.locate(client, TASK, id, job)
    wanted = [
        name for name, other in ((STDOUT, only_stderr), (STDERR, only_stdout)) if not other
    ]  # both flags ask for both
    wanted = wanted or [STDOUT, STDERR]
    if isinstance(client, PatientRequests):
        logs.follow(client, path, wanted)
    elif as_json:
        contents = {name: b"".join(client.blocks(*path, "files", name)) for name in wanted}
        printing.print_json({name: content.decode(errors="replace") for name, content in contents.items()})
    else:
        for name, target in logs.outputs(wanted).items():
            for block in client.blocks(*path, "files", name):
                target.write(block)
            target.flush()


def _named(words: tuple[str, ...], parent: str | None) -> tuple[str | None, str]:
    """The job, if it is given in either way, and the task."""
    *before, id = words
    given = [*before, *([parent] if parent is not None else [])]
    if len(given) > 1:
        exits.fail(f"one job and one task are meant, not {' '.join([*given, id])!r}", exits.USAGE)
    return (given[0] if given else None), id
