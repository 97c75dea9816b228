"""`batchite token`: a bearer token for a user of a storage account."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4

import typer

from batchite.accounts import StorageAccount
from batchite.cli import options
from batchite.clock import SystemClock
from batchite.settings import Settings
from batchite.wire.signing import bearer
from batchite.wire.signing.bearer import ROLES, Identity
from batchite.wire.ticks import Duration

HELP = "Print a bearer token that the Blob service takes for a user; it needs no running service."
MAX_HOURS = 24 * 365
TOLERANCE = Duration.of(minutes=5)
"""A token counts from a little before it was made, since clocks differ."""


def add_to(app: typer.Typer) -> None:
    """Add the command `token`."""
    more: dict[str, tuple[Any, object]] = {
        "account": (
            Annotated[str | None, typer.Option(help="Storage account; the first if not given.")],
            None,
        ),
        "role": (Annotated[str, typer.Option(help=f"What the user is: {', '.join(ROLES)}.")], "contributor"),
        "user": (
            Annotated[str | None, typer.Option(help="The user's object id; a new one if not given.")],
            None,
        ),
        "hours": (Annotated[float, typer.Option(help="How long the token is good.")], 1.0),
    }
    app.command("token", help=HELP)(options.with_settings(_token, names=("data_dir", "config"), more=more))


def _token(settings: Settings, account: str | None, role: str, user: str | None, hours: float) -> None:
    found = storage_account(settings, account)
    if not 0 < hours <= MAX_HOURS:
        options.fail(f"--hours is more than 0 and at most {MAX_HOURS:,}, not {hours:g}")
    try:
        identity = Identity(_object_id(user), bearer.TENANT, bearer.read_role(role))
    except ValueError as error:
        options.fail(str(error))
    now = SystemClock().now()
    expiry = now + Duration.of(seconds=hours * 3600)
    start = now + Duration(-TOLERANCE.ticks)
    typer.echo(bearer.issue(found.name, found.key_bytes[0], identity, start, expiry))


def storage_account(settings: Settings, name: str | None) -> StorageAccount:
    """Of the data directory. Ends the command if there is none of that name."""
    known = options.known_accounts(settings.data_dir)
    found = known.find_storage(name) if name else known.storage[0]
    if found is None:
        names = ", ".join(account.name for account in known.storage)
        options.fail(f"no storage account {name!r}; there are {names}")
    return found


def _object_id(text: str | None) -> str:
    try:
        return str(UUID(text) if text else uuid4())
    except ValueError:
        raise ValueError(f"a user's object id is a GUID, not {text!r}") from None
