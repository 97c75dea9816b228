"""`batchite tls`: certificates for HTTPS on one's own machines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.env import exports
from batchite.cli.grammar import Words
from batchite.configuration.settings import Settings
from batchite.machine.directory_lock import LockedError
from batchite.machine.extras import MissingPackageError
from batchite.tls.identity import TlsError, trusting

HELP = "Make a certificate for HTTPS, or renew it. The local authority that signs it is made once."
SETTINGS_USED = (
    "data_dir",
    "host",
    "public_host",
    "allowed_hosts",
    "batch_host_suffix",
    "blob_host_suffixes",
    "web_host_suffixes",
    "config",
)


def command() -> click.Group:
    """`tls`, and what is below it."""
    name = click.Option(
        ["--name"], multiple=True, help="One more host name or address it is for; can be repeated."
    )
    init = options.command(
        "init", _init, help=HELP, settings=SETTINGS_USED, more=[name, grammar.json_option()]
    )
    return Words("tls", [init], help="Certificates for HTTPS.")


def _init(settings: Settings, name: Sequence[str], as_json: bool) -> None:
    from batchite.tls import authority, certificates

    names = certificates.names(settings, name)
    try:
        made = certificates.init(settings.data_dir, names)
    except (OSError, ValueError, TlsError, LockedError, MissingPackageError) as error:
        exits.fail(f"the certificate was not made: {error}")
    if as_json:
        made_of = {"certificate": made.certificate, "bundle": made.bundle, "names": list(names)}
        printing.print_json({**made_of, "variables": trusting(made.bundle)})
        return
    place = shlex.quote(str(settings.data_dir))
    signer = shlex.quote(str(authority.place(settings.data_dir) / authority.AUTHORITY))
    click.echo(f"Certificate  {made.certificate}\n             for {', '.join(names)}")
    click.echo(f"Serve with   batchite serve --tls --data-dir {place}")
    click.echo("Programs started from a shell trust it after this one command there:\n")
    click.echo("; ".join(exports(trusting(made.bundle)).splitlines()))
    click.echo("\nThe whole machine (Debian and relatives):\n")
    target = "/usr/local/share/ca-certificates/batchite.crt"
    click.echo(f"sudo install -m 644 {signer} {target} && sudo update-ca-certificates")
