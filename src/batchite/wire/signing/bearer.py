"""Bearer tokens of users: JSON Web Tokens that this project issues itself, signed with HMAC-SHA256.

The key comes from the account's key, so whoever has the account's key can issue tokens, a service
keeps nothing of them, and a new account key ends them all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import msgspec

from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp, WallTime

Role = Literal["owner", "contributor", "reader", "delegator"]

AUDIENCE = "https://storage.azure.com"
ISSUER = "batchite"
TENANT = "00000000-0000-0000-0000-000000000000"
ROLES: tuple[Role, ...] = get_args(Role)
MAX_TOKEN = 8192

GRANTS: Mapping[Role, frozenset[str]] = {
    "owner": frozenset("racwdxyltfmeopi"),
    "contributor": frozenset("racwdxylme"),
    "reader": frozenset("rl"),
    "delegator": frozenset(),
}
"""What a role may do with containers and blobs, in the letters of shared access signatures; an owner
also what has no letter. A delegator only makes keys for signatures, which allow nothing more."""

_HEADER = b'{"alg":"HS256","typ":"JWT"}'


class BearerError(Exception):
    """The token is refused; the text tells the client why."""


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is (object and tenant id) and what for this account."""

    oid: str
    tid: str
    role: Role


class _Header(msgspec.Struct, frozen=True):
    alg: str


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str
    account: str
    oid: str
    tid: str
    roles: tuple[str, ...]
    nbf: int
    exp: int


_header_decoder = msgspec.json.Decoder(_Header)
_claims_decoder = msgspec.json.Decoder(_Claims)


def is_bearer(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() == "bearer"


def issue(account: str, key: bytes, identity: Identity, start: Timestamp, expiry: Timestamp) -> str:
    """A token for that account, good from `start` until `expiry`."""
    claims = _Claims(
        ISSUER,
        AUDIENCE,
        account,
        identity.oid,
        identity.tid,
        (identity.role,),
        start.ticks // TICKS_PER_SECOND,
        expiry.ticks // TICKS_PER_SECOND,
    )
    signed = f"{_encode(_HEADER)}.{_encode(msgspec.json.encode(claims))}"
    return f"{signed}.{_encode(_sign(key, signed))}"


def verify(token: str, account: str, keys: Iterable[bytes], now: WallTime) -> Identity:
    """Who the token is of. Raises BearerError."""
    signed, _, signature = token.rpartition(".")
    header, _, body = signed.partition(".")
    if len(token) > MAX_TOKEN or not header or not body or "." in body:
        raise BearerError("The token is no signed JSON Web Token.")
    try:
        algorithm = _header_decoder.decode(_decode(header)).alg
        given = _decode(signature)
    except (ValueError, msgspec.DecodeError):
        raise BearerError("The token is no signed JSON Web Token.") from None
    if algorithm != "HS256":
        raise BearerError("Only tokens signed with HS256, as `batchite token` makes them, are accepted.")
    matches = [hmac.compare_digest(_sign(key, signed), given) for key in keys]
    if not any(matches):
        raise BearerError(f"The token was not signed with a key of the account {account}.")
    return _check_claims(body, account, now)


def _check_claims(body: str, account: str, now: WallTime) -> Identity:
    try:
        claims = _claims_decoder.decode(_decode(body))
    except (ValueError, msgspec.DecodeError):
        raise BearerError("The token lacks a claim: iss, aud, account, oid, tid, roles, nbf, exp.") from None
    if claims.iss != ISSUER or claims.aud.rstrip("/") != AUDIENCE or claims.account != account:
        raise BearerError(f"The token is not for the account {account} of this service.")
    seconds = now.ticks // TICKS_PER_SECOND
    if seconds < claims.nbf or seconds >= claims.exp:
        raise BearerError("Lifetime validation failed. The token is expired, or not valid yet.")
    roles = [role for role in ROLES if role in claims.roles]
    if not roles:
        raise BearerError(f"The token has none of the roles {', '.join(ROLES)}.")
    return Identity(claims.oid, claims.tid, roles[0])


def read_role(text: str) -> Role:
    """Raises ValueError."""
    for role in ROLES:
        if role == text:
            return role
    raise ValueError(f"a role is one of {', '.join(ROLES)}")


def _sign(key: bytes, signed: str) -> bytes:
    own = hmac.digest(key, b"batchite bearer token", hashlib.sha256)
    return hmac.digest(own, signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
