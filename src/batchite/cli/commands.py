"""The subcommands of `batchite`: a module each, of which only the one asked for is imported."""

from __future__ import annotations

from importlib import import_module

import click

from batchite import __version__

HELP = "Azure Batch and Azure Blob Storage on your own machines."
NAMES = ("serve", "env", "blob", "tls", "token")


class _Commands(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return list(NAMES)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in NAMES:
            return None
        command: click.Command = import_module(f"batchite.cli.{name}").command()
        return command


def application() -> click.Group:
    """All of them. `serve` uses the processes that the context's object, an `Ahead`, has started."""
    group = _Commands("batchite", help=HELP)
    return click.version_option(__version__, message="%(prog)s %(version)s")(group)
