"""Tokens of tasks: what AZ_BATCH_AUTHENTICATION_TOKEN says, signed with a key of the account.

A token is `body.signature`, and to those who have it only a text. The key is derived from the account's, so
a service keeps nothing of a token, and a new account key ends it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

import msgspec

from batchite.wire.ticks import Duration, Timestamp, WallTime

LIFETIME = Duration.of(days=7)
"""from when the run is sent to its node"""
MAX_TOKEN = 2048


class TaskTokenError(Exception):
    """The token is refused; the text tells the client why."""


class TaskGrant(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Operations on one job of an account, until `expiry` (ticks). Numbers of jobs are not used twice, ids
    are."""

    account: str
    job: int
    expiry: int


_decoder = msgspec.json.Decoder(TaskGrant)


def issue(grant: TaskGrant, key: bytes) -> str:
    body = base64.urlsafe_b64encode(msgspec.json.encode(grant)).decode()
    return f"{body}.{_sign(key, body)}"


def read(token: str) -> TaskGrant:
    """What it claims; nothing of it is true before `verify`. Raises TaskTokenError."""
    body, dot, signature = token.partition(".")
    try:
        if len(token) > MAX_TOKEN or not dot or not signature:
            raise ValueError
        return _decoder.decode(base64.b64decode(body, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise TaskTokenError(
            "The token is none of a task's; send AZ_BATCH_AUTHENTICATION_TOKEN as it is."
        ) from None


def verify(token: str, grant: TaskGrant, keys: Iterable[bytes], now: WallTime) -> None:
    """Raises TaskTokenError unless one of the keys signed it, and it is still good."""
    body, _, signature = token.partition(".")
    given = signature.encode(errors="surrogatepass")
    matches = [hmac.compare_digest(_sign(key, body).encode(), given) for key in keys]
    if not any(matches):
        raise TaskTokenError(f"The token was not signed with a key of the account {grant.account!r}.")
    if now.ticks >= grant.expiry:
        raise TaskTokenError(
            f"The token was good until {Timestamp(grant.expiry)}; a task has a new one whenever it is run."
        )


def _sign(key: bytes, body: str) -> str:
    own = hmac.digest(key, b"batchite task token", hashlib.sha256)
    return hmac.digest(own, body.encode(errors="surrogatepass"), hashlib.sha256).hex()
