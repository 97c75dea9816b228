"""`batchite tls`: certificates for HTTPS on one's own machines."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from batchite.cli import options
from batchite.cli.env import exports
from batchite.settings import Settings

HELP = "Make a certificate for HTTPS, and the local authority that signs it; again to renew it."
SETTINGS_USED = ("data_dir", "host", "public_host", "batch_host_suffix", "blob_host_suffixes", "config")


def add_to(app: typer.Typer) -> None:
    """Add the command `tls init`."""
    group = typer.Typer(name="tls", help=_group.__doc__, no_args_is_help=True, rich_markup_mode=None)
    group.callback()(_group)
    name = typer.Option("--name", help="One more host name or address it is for; can be repeated.")
    more: dict[str, tuple[Any, object]] = {"name": (Annotated[list[str], name], [])}
    group.command("init", help=HELP)(options.with_settings(_init, names=SETTINGS_USED, more=more))
    app.add_typer(group)


def _group() -> None:
    """Certificates for HTTPS."""


def _init(settings: Settings, name: list[str]) -> None:
    from batchite import tls

    names = tls.names(settings, name)
    try:
        made = tls.init(settings.data_dir, names)
    except (OSError, ValueError, tls.TlsError) as error:
        options.fail(f"the certificate was not made: {error}")
    place = shlex.quote(str(settings.data_dir))
    authority = shlex.quote(made.certificate.replace(tls.CERTIFICATE, tls.AUTHORITY))
    typer.echo(f"Certificate  {made.certificate}\n             for {', '.join(names)}")
    typer.echo(f"Serve with   batchite serve --tls --data-dir {place}")
    typer.echo("Programs started from a shell trust it after this one command there:\n")
    typer.echo("; ".join(exports(tls.trusting(made.bundle)).splitlines()))
    typer.echo("\nThe whole machine (Debian and relatives):\n")
    target = "/usr/local/share/ca-certificates/batchite.crt"
    typer.echo(f"sudo install -m 644 {authority} {target} && sudo update-ca-certificates")
