"""`batchite task search`: tasks of a job by words, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from batchite.cli import nouns, options, printing
from batchite.cli.nouns import of
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

COLUMNS = (
    ("id", of("id")),
    ("state", of("state")),
    ("exit", of("exitCode")),
    ("node", of("nodeId")),
    ("started", of("startTime")),
    ("ended", of("endTime")),
    ("cause", of("cause")),
)


def search_command() -> click.Command:
    """`batchite task search JOB WORDS`."""
    more = (
        click.Argument(["job"]),
        click.Argument(["words"], nargs=-1),
        click.Option(["--limit"], type=click.IntRange(1), help="Stop after so many."),
        *nouns.service_options(),
    )
    text = (
        "Find tasks of a job by words. Such as state:failed exit:1 node:tvm* render; the newest come first. "
        "Put -- before words that begin with a minus, which turns them round."
    )
    return options.command("search", _print_found, help=text, settings=nouns.USED, more=more)


def _print_found(
    settings: Settings,
    job: str,
    words: tuple[str, ...],
    limit: int | None,
    account: str | None,
    as_json: bool,
) -> None:
    found = islice(_found(BatchRequests(settings, account), job, " ".join(words)), limit)
    if as_json:
        printing.print_json_list(found)
        return
    nouns.print_columns(COLUMNS, found)


def _found(client: BatchRequests, job: str, text: str) -> Iterator[dict[str, Any]]:
    """Page after page, as long as somebody wants more."""
    asked = {"search": text} if text else {}
    while True:
        page = client.get("-", "jobs", job, "tasks", **asked)
        yield from page["value"]
        if "after" not in page:
            return
        asked["after"] = str(page["after"])
