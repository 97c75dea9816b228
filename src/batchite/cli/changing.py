"""Commands that have something done to a resource, and wait for it if they are asked to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from batchite.cli import exits, nouns, options, printing, waiting
from batchite.cli.nouns import Noun, Resource
from batchite.cli.requests import PatientRequests
from batchite.configuration.settings import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """`path` goes behind the resource's, or behind that of ours if it `is_own`. The property `option` of the
    body has one of the `choices`. It is being done while the resource is in one of the states `busy`, and has
    failed in one of `failures`.
    """

    word: str
    help: str
    path: tuple[str, ...]
    option: str = ""
    choices: Sequence[str] = ()
    busy: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    is_own: bool = False


def change_command(noun: Noun, change: Change) -> click.Command:
    """`batchite NOUN WORD ID`."""
    more = (
        click.Argument(["id"]),
        *_option(noun, change),
        *nouns.parent_options(noun),
        click.Option(["--wait"], is_flag=True, help="Go on until it is done, or has failed."),
        *nouns.service_options(),
    )

    def run(
        settings: Settings,
        id: str,
        wait: bool,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
        option: str = "",
    ) -> None:
        client = PatientRequests(settings, account)
        path = nouns.locate(client, noun, id, parent)
        ours = ("-",) if change.is_own else ()
        client.post(*ours, *path, *change.path, body={change.option: option} if change.option else None)
        resource = _waited(client, path, change, noun) if wait else client.get(*path)
        if as_json:
            printing.print_json(resource)
        else:
            click.echo(printing.shown(f"{noun.word} {id}: {resource['state']}"))

    return options.command(change.word, run, help=change.help, settings=nouns.USED, more=more)


def _option(noun: Noun, change: Change) -> Sequence[click.Option]:
    if not change.option:
        return ()
    choice = click.Choice(change.choices)
    what = f"What becomes of the {noun.word}'s tasks."
    return (click.Option(["--option"], type=choice, default=change.choices[0], show_default=True, help=what),)


def _waited(client: PatientRequests, path: tuple[str, ...], change: Change, noun: Noun) -> Resource:
    """The resource when it is done with. Ends the command if it has failed or is gone."""

    def is_done(found: Resource | None) -> bool:
        return found is None or found["state"] in change.failures or found["state"] not in change.busy

    found = waiting.until(lambda: client.find(*path), is_done)
    if found is None:
        exits.fail(f"the {noun.word} {path[-1]!r} is gone", exits.NOT_FOUND)
    if found["state"] in change.failures:
        exits.fail(_why(noun, found), exits.FAILED)
    return found


def _why(noun: Noun, resource: Resource) -> str:
    """What it says of itself."""
    failure = (resource.get("startTaskInfo") or {}).get("failureInfo") or {}
    errors = resource.get("errors") or ([failure] if failure else [])
    said = f": {errors[0].get('message', '')}" if errors else ""
    return printing.shown(f"the {noun.word} {resource['id']!r} is {resource['state']}{said}")
