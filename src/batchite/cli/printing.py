"""What a command prints: JSON for programs, tables and indented text for people.

On a terminal columns are aligned and states have colours, unless `NO_COLOR` is set; elsewhere columns
are separated by tabs, so that `cut` and `awk` read them.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

_COLOURS = {
    "active": "green",
    "idle": "green",
    "success": "green",
    "running": "cyan",
    "preparing": "cyan",
    "failure": "red",
    "starttaskfailed": "red",
    "unusable": "red",
    "offline": "yellow",
    "rebooting": "yellow",
    "reimaging": "yellow",
    "deallocating": "yellow",
    "deleting": "yellow",
    "terminating": "yellow",
    "disabling": "yellow",
    "resizing": "yellow",
}


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def compact(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def print_json_list(values: Iterable[Any]) -> None:
    """A list that may be too long to be held at once."""
    first = True
    for value in values:
        click.echo("[" if first else ",")
        click.echo(json.dumps(value, indent=2, ensure_ascii=False), nl=False)
        first = False
    click.echo("[]" if first else "\n]")


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A heading and a row for each thing; rows are printed as they come where nothing is aligned."""
    texts = ([shown(cell) for cell in row] for row in rows)
    if not sys.stdout.isatty():
        for line in ([name.upper() for name in names], *texts) if names else texts:
            click.echo("\t".join(line))
        return
    lines = list(texts)
    head = [name.upper() for name in names]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    for line in (head, *lines):
        click.echo("  ".join(_cell(*pair) for pair in zip(line, widths, strict=True)).rstrip())


def _cell(text: str, width: int) -> str:
    padded = text.ljust(width)
    colour = _COLOURS.get(text) if is_coloured() else None
    return click.style(padded, fg=colour) if colour else padded


def is_coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_indented(value: Mapping[str, Any]) -> None:
    """A thing and all that it has, a property a line."""
    for line in _indented(value, 0):
        click.echo(line)


def _indented(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    margin = "  " * depth
    width = max((len(name) for name, item in value.items() if not _is_nested(item)), default=0)
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield f"{margin}{name}"
            yield from _indented(item, depth + 1)
        elif _is_nested(item):
            yield f"{margin}{name}"
            for each in item:
                yield from _listed(each, depth + 1)
        else:
            yield f"{margin}{name.ljust(width)}  {shown(item)}"


def _listed(item: Any, depth: int) -> Iterator[str]:
    margin = "  " * depth
    if not isinstance(item, Mapping):
        yield f"{margin}- {shown(item)}"
        return
    lines = list(_indented(item, 0))
    yield from (f"{margin}{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines))


def _is_nested(item: Any) -> bool:
    return isinstance(item, Mapping | list) and bool(item)


def shown(value: Any) -> str:
    """In a line of text; characters that would move a terminal's cursor or hide text are escaped."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "".join(map(_harmless, str(value)))


def _harmless(character: str) -> str:
    return ascii(character)[1:-1] if unicodedata.category(character)[0] == "C" else character
