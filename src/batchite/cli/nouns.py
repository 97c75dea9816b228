"""What the commands of pools, nodes, jobs and tasks have in common: `list` and `show`.

A resource is a `Noun`: where it lies in the API, and the columns in which people see a list of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

USED = ("data_dir", "config")
"""Settings that commands to a running service look at."""

Resource = dict[str, Any]
Column = tuple[str, Callable[[Resource], Any]]
Complete = Callable[[BatchRequests, Sequence[Resource]], None]
"""Adds to resources what is not of the API."""
PORTION = 50
"""Resources that are completed together."""


def of(path: str) -> Callable[[Resource], Any]:
    """Reads a property, given by names joined with dots; None where there is none."""
    names = path.split(".")

    def read(resource: Resource) -> Any:
        value: Any = resource
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return read


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of resource; one within another names the segment of that one in `parent`."""

    word: str
    segment: str
    columns: Sequence[Column]
    parent: Noun | None = None
    complete: Complete | None = None

    @property
    def plural(self) -> str:
        return f"{self.word}s"


def account_option() -> click.Option:
    return click.Option(["--account"], help="Batch account; the first one if not given.")


def service_options() -> tuple[click.Option, ...]:
    """What commands to a running service have in common."""
    return account_option(), grammar.json_option()


def parent_options(noun: Noun) -> tuple[click.Option, ...]:
    """`--pool` or `--job`, for what lies within one."""
    if noun.parent is None:
        return ()
    word = noun.parent.word
    return (
        click.Option([f"--{word}", "parent"], metavar="ID", help=f"The {word}; all of them if not given."),
    )


def list_command(noun: Noun) -> click.Command:
    """`batchite NOUN list`."""
    more = (
        *parent_options(noun),
        click.Option(["--filter", "filter_"], metavar="TEXT", help="As $filter of the API takes it."),
        click.Option(["--limit"], type=click.IntRange(1), help="Stop after so many."),
        *service_options(),
    )

    def run(
        settings: Settings,
        filter_: str | None,
        limit: int | None,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
    ) -> None:
        client = BatchRequests(settings, account)
        query = {"$filter": filter_} if filter_ else {}
        found = _completed(client, noun, islice(_each(client, noun, parent, query), limit))
        if as_json:
            printing.print_json_list(found)
        else:
            print_columns(noun.columns, found)

    return options.command("list", run, help=f"List the {noun.plural}.", settings=USED, more=more)


def print_columns(columns: Sequence[Column], found: Iterable[Resource]) -> None:
    """A table of what is found, a line each."""
    rows = ([read(resource) for _, read in columns] for resource in found)
    printing.print_table([name for name, _ in columns], rows)


def _each(client: BatchRequests, noun: Noun, parent: str | None, query: dict[str, str]) -> Iterator[Resource]:
    for place in places(client, noun, parent):
        yield from client.each(*place, **query)


def _completed(client: BatchRequests, noun: Noun, found: Iterator[Resource]) -> Iterator[Resource]:
    if noun.complete is None:
        yield from found
        return
    while portion := list(islice(found, PORTION)):
        noun.complete(client, portion)
        yield from portion


def places(client: BatchRequests, noun: Noun, parent: str | None) -> Iterator[tuple[str, ...]]:
    """The paths of the lists in which resources of this kind are: one, or one of every parent."""
    if noun.parent is None:
        yield (noun.segment,)
    elif parent is not None:
        yield (noun.parent.segment, parent, noun.segment)
    else:
        for each in client.each(noun.parent.segment, **{"$select": "id"}):
            yield (noun.parent.segment, each["id"], noun.segment)


def show_command(noun: Noun) -> click.Command:
    """`batchite NOUN show ID`."""
    more = (click.Argument(["id"]), *parent_options(noun), *service_options())

    def run(
        settings: Settings, id: str, account: str | None, as_json: bool, parent: str | None = None
    ) -> None:
        client = BatchRequests(settings, account)
        resource = client.get(*locate(client, noun, id, parent))
        if noun.complete is not None:
            noun.complete(client, [resource])
        if as_json:
            printing.print_json(resource)
        else:
            printing.print_indented(resource)

    return options.command("show", run, help=f"Show all that a {noun.word} has.", settings=USED, more=more)


def locate(client: BatchRequests, noun: Noun, id: str, parent: str | None) -> tuple[str, ...]:
    """The path of a resource. Without its parent's id, the only one of that name is meant.

    Ends the command if there is none, or if there are several.
    """
    if noun.parent is None or parent is not None:
        return (*next(places(client, noun, parent)), id)
    found = [(*place, id) for place in places(client, noun, None) if client.find(*place, id) is not None]
    if not found:
        exits.fail(f"no {noun.parent.word} has a {noun.word} {id!r}", exits.NOT_FOUND)
    if len(found) > 1:
        word = noun.parent.word
        exits.fail(
            f"{len(found)} {noun.parent.plural} have a {noun.word} {id!r}: "
            f"{', '.join(path[1] for path in found[:5])}. Say which with --{word}.",
            exits.USAGE,
        )
    return found[0]
