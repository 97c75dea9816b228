"""`batchite job`: jobs of the running service."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.changing import Change, change_command
from batchite.cli.ending import delete_command, terminate_command
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.requests import BatchRequests, PatientRequests
from batchite.configuration.settings import Settings

JOB = Noun(
    "job",
    "jobs",
    (
        ("id", of("id")),
        ("state", of("state")),
        ("pool", of("executionInfo.poolId")),
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


def _outcome(task: str) -> Callable[[Resource], str | None]:
    """What has come of it on a node: whether it runs, or how it ended."""
    state, result = of(f"{task}.state"), of(f"{task}.result")
    return lambda node: result(node) or state(node)


NODES = (
    ("node", of("nodeId")),
    ("pool", of("poolId")),
    ("preparation", _outcome("jobPreparationTaskExecutionInfo")),
    ("exit", of("jobPreparationTaskExecutionInfo.exitCode")),
    ("retries", of("jobPreparationTaskExecutionInfo.retryCount")),
    ("directory", of("jobPreparationTaskExecutionInfo.taskRootDirectory")),
    ("release", _outcome("jobReleaseTaskExecutionInfo")),
    ("exit", of("jobReleaseTaskExecutionInfo.exitCode")),
)
STATS = (
    "numSucceededTasks",
    "numFailedTasks",
    "numTaskRetries",
    "wallClockTime",
    "slotTime",
    "waitTime",
    "userCPUTime",
    "kernelCPUTime",
    "readIOGiB",
    "writeIOGiB",
    "startTime",
    "lastUpdateTime",
)


CHANGES = (
    Change(
        "disable",
        "Have a job start no more tasks: what runs waits again, ends, or is waited for.",
        ("disable",),
        "disableTasks",
        ("requeue", "terminate", "wait"),
        frozenset({"disabling"}),
    ),
    Change("enable", "Have a disabled job start tasks again.", ("enable",), busy=frozenset({"enabling"})),
)


def command() -> click.Group:
    """`job`, and what is below it."""
    commands = [
        delete_command(JOB, "all of its tasks and their files", can_be_forced=True),
        *(change_command(JOB, change) for change in CHANGES),
        explain_command(JOB),
        _failures(),
        list_command(JOB),
        _nodes(),
        show_command(JOB),
        _stats(),
        terminate_command(JOB, "End a job with the tasks that run; what waits is not run any more."),
        _watch(),
    ]
    return Words("job", commands, help="Look at jobs, and say what they are to do.")


def _failures() -> click.Command:
    more = (click.Argument(["id"]), *nouns.service_options())
    text = "Count the failed tasks of a job by cause: code, exit code, and what they printed last."
    return options.command("failures", _print_failures, help=text, settings=nouns.USED, more=more)


def _print_failures(settings: Settings, id: str, account: str | None, as_json: bool) -> None:
    found = BatchRequests(settings, account).get("-", "jobs", id, "failures")
    if as_json:
        printing.print_json(found)
        return
    nouns.print_columns(CAUSES, found["causes"])


def _nodes() -> click.Command:
    more = (click.Argument(["id"]), *nouns.service_options())
    text = (
        "Say how a job was prepared and released. Lists the nodes where either task has run, also those that "
        "are gone; the files of the others lie in the directory."
    )
    return options.command("nodes", _print_nodes, help=text, settings=nouns.USED, more=more)


def _print_nodes(settings: Settings, id: str, account: str | None, as_json: bool) -> None:
    found = BatchRequests(settings, account).each("jobs", id, "jobpreparationandreleasetaskstatus")
    if as_json:
        printing.print_json_list(found)
    else:
        nouns.print_columns(NODES, found)


def _stats() -> click.Command:
    more = (click.Argument(["id"]), *nouns.service_options())
    text = (
        "Show what the tasks of a job have used: time, slots, processors, disk, and how many have ended how."
    )
    return options.command("stats", _print_stats, help=text, settings=nouns.USED, more=more)


def _print_stats(settings: Settings, id: str, account: str | None, as_json: bool) -> None:
    found = BatchRequests(settings, account).get("-", "jobs", id, "stats")
    if as_json:
        printing.print_json(found)
    else:
        printing.print_indented({name: found.get(name) for name in STATS})


def _watch() -> click.Command:
    more = (
        click.Argument(["id"]),
        click.Option(["--from-start"], is_flag=True, help="Tell what has happened before, too."),
        *nouns.service_options(),
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
