"""Users of nodes, by whom people log in."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TypeVar

from msgspec.structs import replace

from batchite.wire.batch.errors import PropertyError, invalid_property, missing_property
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.logins import BatchNodeUserCreateOptions, LoginShape
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.ticks import Duration, Timestamp

LONGEST_NAME = 20
LONGEST_PASSWORD = 127
LIFE = Duration.of(days=1)
"""of a user of whom nothing else is said"""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_NAME_RULE = (
    f"must have 1 to {LONGEST_NAME} characters, which are letters, digits, - and _, and begin with a letter "
    "or _"
)
_OF_NODES = "_azbatch"
"""how names of users begin that nodes make themselves"""
_KEY = re.compile(r"(?P<kind>[a-z0-9@.-]{1,60}) (?P<blob>[A-Za-z0-9+/]+=*)(?: [^\r\n]*)?", re.ASCII)
_KEY_RULE = "must be a public key as OpenSSH writes it, in one line: its type, and the key in Base64"
_LONGEST_KEY = 16 * 1024

L = TypeVar("L", bound=LoginShape)


def accept_new(
    options: BatchNodeUserCreateOptions, now: Timestamp, *, windows: bool
) -> BatchNodeUserCreateOptions:
    """The user with its defaults, or a BatchError. `windows`: the image of the pool is one of Windows."""
    _check_name(options.name)
    accepted = accept(options, now, windows=windows)
    return replace(accepted, is_admin=accepted.is_admin or False)


def accept(options: L, now: Timestamp, *, windows: bool) -> L:
    """What a user is to be, with its defaults, or a BatchError."""
    options = without_nulls(options)
    _check_password(options.password, windows=windows)
    expiry = options.expiry_time or now + LIFE
    if expiry <= now:
        raise invalid_property("expiryTime", str(expiry), f"must be later than now, {now}")
    key = options.ssh_public_key
    if isinstance(key, str):
        _check_key(key, windows=windows)
        options = replace(options, ssh_public_key=key.strip())
    return replace(options, expiry_time=expiry)


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None or len(name) > LONGEST_NAME:
        raise invalid_property("name", name, _NAME_RULE)
    if name.lower() == "root" or name.lower().startswith(_OF_NODES):
        raise invalid_property("name", name, f"must be neither root nor begin with {_OF_NODES}")


def _check_password(password: Maybe[str], *, windows: bool) -> None:
    """What it is, an error does not say."""
    if not isinstance(password, str):
        if windows:
            raise missing_property("password")
        return
    if not 1 <= len(password) <= LONGEST_PASSWORD or not password.isprintable():
        form = "{name}: {reason}."
        rule = f"it must have 1 to {LONGEST_PASSWORD} characters that can be printed"
        raise PropertyError("InvalidPropertyValue", form, "password", rule)


def _check_key(key: str, *, windows: bool) -> None:
    if windows:
        rule = "is for nodes of Linux; the image of the pool is one of Windows. Give a password"
        raise invalid_property("sshPublicKey", key, rule)
    match = _KEY.fullmatch(key.strip())
    if match is None or len(key) > _LONGEST_KEY or not _is_key(match["kind"], match["blob"]):
        raise invalid_property("sshPublicKey", key, _KEY_RULE)


def _is_key(kind: str, blob: str) -> bool:
    """Whether the key says itself that it is of that type."""
    try:
        content = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return False
    length = int.from_bytes(content[:4], "big")
    return content[4 : 4 + length] == kind.encode() and len(content) > 4 + length
