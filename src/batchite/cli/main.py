"""The `batchite` command. What a subcommand needs is imported when it runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from batchite import __version__
from batchite.cli import blob, env, serve, tls, token

app = typer.Typer(
    name="batchite",
    help="Azure Batch and Azure Blob Storage on your own machines.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
serve.add_to(app)
env.add_to(app)
blob.add_to(app)
tls.add_to(app)
token.add_to(app)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"batchite {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Azure Batch and Azure Blob Storage on your own machines."""


def main() -> None:
    """Entry point: runs the command and ends the process."""
    try:
        app()
    except KeyboardInterrupt:  # before the supervisor took over the signal
        sys.exit(130)
