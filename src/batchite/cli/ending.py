"""Commands that end a resource or remove it, and wait until that is done if they are asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from batchite.cli import nouns, options, printing, waiting
from batchite.cli.nouns import Noun, Resource
from batchite.cli.requests import BatchRequests, PatientRequests
from batchite.configuration.settings import Settings

Begin = Callable[[BatchRequests, tuple[str, ...], Mapping[str, Any]], None]
"""Asks for it: of the service, of the resource at this path, and with what options of the command say."""
Done = Callable[[Resource | None], bool]
"""Whether it is done, by the resource as it is; None if there is none any more."""


def delete_command(noun: Noun, what: str, *, can_be_forced: bool = False) -> click.Command:
    """`batchite NOUN delete ID`. `what` says all that goes with it."""

    def begin(client: BatchRequests, path: tuple[str, ...], said: Mapping[str, Any]) -> None:
        client.delete(*path, **_force(said))

    given = (_FORCE,) if can_be_forced else ()
    return _command(noun, "delete", f"Delete a {noun.word}, with {what}.", begin, _is_gone, *given)


def end_command(noun: Noun, help: str) -> click.Command:
    """`batchite NOUN terminate ID`, for what is terminated without a reason."""

    def begin(client: BatchRequests, path: tuple[str, ...], said: Mapping[str, Any]) -> None:
        client.post(*path, "terminate", body=None, **_force(said))

    return _command(noun, "terminate", help, begin, _is_over, _FORCE)


def terminate_command(noun: Noun, help: str) -> click.Command:
    """The same for what can be terminated with one."""
    reason = click.Option(["--reason"], metavar="TEXT", help="What it shows as terminateReason.")

    def begin(client: BatchRequests, path: tuple[str, ...], said: Mapping[str, Any]) -> None:
        text = said["reason"]
        client.post(*path, "terminate", body={"terminateReason": text} if text else None, **_force(said))

    return _command(noun, "terminate", help, begin, _is_over, reason, _FORCE)


_FORCE = click.Option(["--force"], is_flag=True, help="Do not wait for the nodes that its tasks are on.")


def _force(said: Mapping[str, Any]) -> Mapping[str, str]:
    return {"force": "true"} if said.get("force") else {}


def _is_gone(found: Resource | None) -> bool:
    return found is None


def _is_over(found: Resource | None) -> bool:
    return found is None or found["state"] == "completed"


def _command(
    noun: Noun, word: str, help: str, begin: Begin, done: Done, *given: click.Option
) -> click.Command:
    more = (
        click.Argument(["id"]),
        *nouns.parent_options(noun),
        *given,
        click.Option(["--wait"], is_flag=True, help="Go on until it is done."),
        *nouns.service_options(),
    )

    def run(
        settings: Settings,
        id: str,
        wait: bool,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
        **said: Any,
    ) -> None:
        client = BatchRequests(settings, account)
        path = nouns.locate(client, noun, id, parent)
        begin(client, path, said)
        patient = PatientRequests(settings, account)
        found = waiting.until(lambda: patient.find(*path), lambda found: not wait or done(found))
        _tell(noun, id, found, as_json)

    return options.command(word, run, help=help, settings=nouns.USED, more=more)


def _tell(noun: Noun, id: str, found: Resource | None, as_json: bool) -> None:
    """As it is now; of what is gone, that it is."""
    shown = {"id": id, "state": "deleted"} if found is None else found
    if as_json:
        printing.print_json(shown)
    else:
        click.echo(printing.shown(f"{noun.word} {shown['id']}: {shown['state']}"))
