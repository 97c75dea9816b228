"""The grammar that all commands share: `-h` beside `--help`, and a hint where a word is mistyped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from batchite.configuration import spelling

CONTEXT = {"help_option_names": ["-h", "--help"]}


class Words(click.Group):
    """A command followed by another word. `modules` names the module of each word that is imported late."""

    def __init__(
        self,
        name: str,
        commands: list[click.Command] | None = None,
        *,
        help: str,
        modules: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, commands, help=help, context_settings=dict(CONTEXT))
        self._modules = dict(modules or {})

    def list_commands(self, _context: click.Context) -> list[str]:
        return [*self._modules, *sorted(self.commands)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        module = self._modules.get(name)
        if module is None:
            return super().get_command(context, name)
        command: click.Command = import_module(module).command()
        return command

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = words[0] if words else ""
        if word and not word.startswith("-") and self.get_command(context, word) is None:
            context.fail(f"No such command {word!r}; {spelling.hint(word, self.list_commands(context))}")
        return super().resolve_command(context, words)


class Command(click.Command):
    """One command; its options are the settings' flags and its own."""

    def __init__(self, name: str, run: Callable[..., None], parameters: list[click.Parameter], help: str):
        super().__init__(name, callback=run, params=parameters, help=help, context_settings=dict(CONTEXT))


def json_option() -> click.Option:
    """`--json`, which every command has."""
    return click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, for programs.")


def leaf_commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """All commands below, each with the words that lead to it."""
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], Any]] = []
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if isinstance(command, click.Group):
            found += leaf_commands(command, (*path, word))
        else:
            found.append(((*path, word), command))
    return found
