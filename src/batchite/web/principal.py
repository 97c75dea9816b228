"""Who makes a request."""

from __future__ import annotations

import msgspec

from batchite.wire.signing.bearer import Identity


class Principal(msgspec.Struct, frozen=True):
    """The result of authentication, whatever the scheme.

    `account` is the account acted on, `roles` what may be done there (`owner` may do everything),
    `scheme` how it was shown (`sharedkey`, `sas`, `bearer`, `tasktoken`, `anonymous`), for logs only.
    `identity` is the user, if a bearer token says so. `encryption_scope` is what all that is written with a
    SAS belongs to, if it says so. `job` is the number of the only job that may be acted on, if that is all
    that was shown.
    """

    account: str
    roles: frozenset[str]
    scheme: str
    identity: Identity | None = None
    encryption_scope: str = ""
    job: int | None = None


OWNER = frozenset({"owner"})
