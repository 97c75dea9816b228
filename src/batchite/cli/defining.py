"""Commands that define a resource anew: what they change comes from options and from a file of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, Any

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.nouns import Noun
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings


def update_pool_command(noun: Noun) -> click.Command:
    """`batchite pool update ID`."""
    more = (click.Argument(["id"]), *_said(), *nouns.service_options())

    def run(
        settings: Settings,
        id: str,
        file: IO[bytes] | None,
        command_line: str | None,
        items: tuple[str, ...],
        replace: bool,
        account: str | None,
        as_json: bool,
    ) -> None:
        body = _body(file, command_line, items)
        if not body and not replace:
            exits.fail("nothing is to change; say what with --file, --start-task or --metadata", exits.USAGE)
        client = BatchRequests(settings, account)
        path = nouns.locate(client, noun, id, None)
        if replace:
            client.post(*path, "updateproperties", body=body)
        else:
            client.patch(*path, body=body)
        found = client.get(*path)
        if as_json:
            printing.print_json(found)
        else:
            click.echo(printing.shown(f"{noun.word} {found['id']}: {_changed(body)}"))

    return options.command("update", run, help=f"Define a {noun.word} anew.", settings=nouns.USED, more=more)


def _said() -> tuple[click.Option, ...]:
    """What is to change."""
    return (
        click.Option(
            ["--file"],
            type=click.File("rb"),
            metavar="FILE",
            help="JSON of what is to change, in the words of the API; - is standard input.",
        ),
        click.Option(
            ["--start-task", "command_line"],
            metavar="COMMAND",
            help="A start task of this command line, for nodes that boot from now on.",
        ),
        click.Option(
            ["--metadata", "items"],
            metavar="NAME=VALUE",
            multiple=True,
            help="All metadata; may be repeated.",
        ),
        click.Option(
            ["--replace"],
            is_flag=True,
            help="Take away what is not named: start task, packages and metadata, as updateproperties does.",
        ),
    )


def _body(file: IO[bytes] | None, command_line: str | None, items: Sequence[str]) -> dict[str, Any]:
    body = {} if file is None else _read(file)
    if command_line is not None:
        body["startTask"] = {"commandLine": command_line}
    if items:
        body["metadata"] = [_item(item) for item in items]
    return body


def _changed(body: dict[str, Any]) -> str:
    return f"changed {', '.join(sorted(body))}" if body else "emptied"


def _read(file: IO[bytes]) -> dict[str, Any]:
    try:
        found = json.load(file)
    except ValueError as error:
        exits.fail(f"--file holds no JSON: {error}", exits.USAGE)
    if not isinstance(found, dict):
        exits.fail("--file must hold a JSON object of properties", exits.USAGE)
    return found


def _item(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        exits.fail(f"--metadata {text!r}: must be NAME=VALUE", exits.USAGE)
    return {"name": name, "value": value}
