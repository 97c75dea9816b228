"""`batchite NOUN explain ID`: why it does not run, grow, or take tasks, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from batchite.cli import options, printing
from batchite.cli.nouns import USED, Noun, locate, parent_options, service_options
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

QUESTIONS = {
    "pool": "Say why a pool does not grow, or which of its nodes are of no use.",
    "node": "Say why a node takes no tasks, and how its last boot went.",
    "schedule": "Say why a job schedule makes no job now, and when it makes the next.",
    "job": "Say why no more tasks of a job run.",
    "task": "Say why a task does not run, and how it came to where it is.",
}


def explain_command(noun: Noun) -> click.Command:
    """Its answer is a sentence, the next step, and what else is to know."""
    more = (click.Argument(["id"]), *parent_options(noun), *service_options())

    def run(
        settings: Settings, id: str, account: str | None, as_json: bool, parent: str | None = None
    ) -> None:
        client = BatchRequests(settings, account)
        found = client.get("-", "explain", *locate(client, noun, id, parent))
        if as_json:
            printing.print_json(found)
        else:
            _print(found)

    return options.command("explain", run, help=QUESTIONS[noun.word], settings=USED, more=more)


def _print(found: Mapping[str, Any]) -> None:
    click.echo(printing.shown(found["sentence"]))
    click.echo(printing.shown(found["nextStep"]))
    others = found["reasons"][1:]
    if others:
        click.echo()
    for reason in others:
        click.echo(f"- {printing.shown(reason['sentence'])}")
    _print_times(found.get("boot"), ("stage", "time", "duration", "error"))
    _print_times(found.get("course"), ("step", "time", "duration"))
    for name, text in found.get("startTaskOutput", {}).items():
        click.echo(f"\nstartup/{name}")
        for line in text.splitlines():
            click.echo(f"  {printing.shown(line)}")


def _print_times(found: Sequence[Mapping[str, Any]] | None, names: Sequence[str]) -> None:
    if found:
        click.echo()
        printing.print_table(names, ([one.get(name) for name in names] for one in found))
