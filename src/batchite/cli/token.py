"""`batchite token`: a bearer token for a user of a storage account."""

from __future__ import annotations

from uuid import UUID, uuid4

import click

from batchite.cli import exits, grammar, options, printing
from batchite.configuration.accounts import StorageAccount
from batchite.configuration.settings import Settings
from batchite.machine.clock import SystemClock
from batchite.wire.signing import bearer
from batchite.wire.signing.bearer import ROLES, Identity
from batchite.wire.ticks import Duration

HELP = "Print a bearer token for a user of the Blob service. It needs no running service."
MAX_HOURS = 24 * 365
TOLERANCE = Duration.of(minutes=5)
"""A token counts from a little before it was made, since clocks differ."""


def command() -> click.Command:
    """`token`."""
    more = (
        click.Option(["--account"], help="Storage account; the first if not given."),
        click.Option(
            ["--role"],
            default="contributor",
            show_default=True,
            help=f"What the user is: {', '.join(ROLES)}.",
        ),
        click.Option(["--user"], help="The user's object id; a new one if not given."),
        click.Option(
            ["--hours"], type=float, default=1.0, show_default=True, help="How long the token is good."
        ),
        grammar.json_option(),
    )
    return options.command("token", _token, help=HELP, settings=("data_dir", "config"), more=more)


def _token(
    settings: Settings, account: str | None, role: str, user: str | None, hours: float, as_json: bool
) -> None:
    found = storage_account(settings, account)
    if not 0 < hours <= MAX_HOURS:
        exits.fail(f"--hours is more than 0 and at most {MAX_HOURS:,}, not {hours:g}", exits.USAGE)
    try:
        identity = Identity(_object_id(user), bearer.TENANT, bearer.read_role(role))
    except ValueError as error:
        exits.fail(str(error), exits.USAGE)
    now = SystemClock().wall()
    expiry = now + Duration.of(seconds=hours * 3600)
    start = now + Duration(-TOLERANCE.ticks)
    token = bearer.issue(found.name, found.key_bytes[0], identity, start, expiry)
    if as_json:
        printing.print_json({"token": token, "account": found.name, "expires": str(expiry)})
    else:
        click.echo(token)


def storage_account(settings: Settings, name: str | None) -> StorageAccount:
    """Of the data directory. Ends the command if there is none of that name."""
    known = options.known_accounts(settings.data_dir)
    own = [account for account in known.own_storage if name in (None, account.name)]
    if not own:
        names = ", ".join(account.name for account in known.own_storage) or "none"
        exits.fail(f"this service has no storage account {name or ''!r}; there are {names}", exits.USAGE)
    return own[0]


def _object_id(text: str | None) -> str:
    try:
        return str(UUID(text) if text else uuid4())
    except ValueError:
        raise ValueError(f"a user's object id is a GUID, not {text!r}") from None
