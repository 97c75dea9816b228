"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The result of authentication, whatever the scheme.

    `account` is the account acted on, `roles` what may be done there (`owner` may do everything),
    `scheme` how it was shown (`sharedkey`, `sas`, `bearer`), for logs only.
    """

    account: str
    roles: frozenset[str]
    scheme: str


OWNER = frozenset({"owner"})
