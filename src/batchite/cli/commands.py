"""The subcommands of `batchite`: a module each, of which only the one asked for is imported."""

from __future__ import annotations

import click

from batchite.cli.grammar import Words

HELP = "Azure Batch and Azure Blob Storage on your own machines."
NAMES = (
    "serve", "status", "env", "exec", "portal", "account",
    "pool", "autoscale", "node", "schedule", "job", "task", "application", "blob", "image",
    "doctor", "tls", "token", "completion",
)  # fmt: skip


def application() -> click.Group:
    """All of them. `serve` uses the processes that the context's object, an `Ahead`, has started."""
    modules = {name: f"batchite.cli.{name}" for name in NAMES}
    group = Words("batchite", help=HELP, modules=modules)
    group.params.append(
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_say_version,
            help="Show the version and exit.",
        )
    )
    return group


def _say_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        from batchite.cli import version

        click.echo(version.text())
        context.exit()
