"""Encryption headers: keys and scopes of the client.

Content is not encrypted by this service. What a client may rely on is kept: the SHA-256 of the key is
stored, and whoever has not the same key can neither read nor change the blob. The key itself is never
stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from batchite.wire.blob.errors import BlobError, invalid_header, missing_header

KEY = "x-ms-encryption-key"
KEY_HASH = "x-ms-encryption-key-sha256"
ALGORITHM = "x-ms-encryption-algorithm"
SCOPE = "x-ms-encryption-scope"

NO_SCOPE = "$account-encryption-key"
"""What a container without an encryption scope of its own says that it has."""

_SCOPE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{1,61})[A-Za-z0-9]", re.ASCII)
_KEY_BYTES = 32


def key_hash(headers: Mapping[str, str]) -> str:
    """The key's SHA-256 in base64, "" without a key. Raises BlobError for a key that is none."""
    given = {name: headers.get(name, "") for name in (KEY, KEY_HASH, ALGORITHM)}
    if not any(given.values()):
        return ""
    for name, value in given.items():
        if not value:
            raise missing_header(name)
    if given[ALGORITHM] != "AES256":
        raise invalid_header(ALGORITHM, given[ALGORITHM], "AES256")
    key = _decode(given[KEY])
    if len(key) != _KEY_BYTES:
        raise invalid_header(KEY, "(not shown)", f"{_KEY_BYTES} bytes in base64")
    computed = base64.b64encode(hashlib.sha256(key).digest()).decode()
    if not hmac.compare_digest(computed, given[KEY_HASH].replace(" ", "+")):
        raise invalid_header(KEY_HASH, given[KEY_HASH], f"the SHA-256 of the bytes of {KEY}, in base64")
    return computed


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def scope(headers: Mapping[str, str], of_token: str = "") -> str:
    """The scope's name, "" for none; a token may demand one. Raises BlobError."""
    name = headers.get(SCOPE, "") or of_token
    if of_token and name != of_token:
        reason = f"the token is for the encryption scope {of_token} (ses); send {SCOPE} with it, or without"
        raise BlobError("AuthorizationFailure", details=(("HeaderName", SCOPE), ("Reason", reason)))
    if name and not _SCOPE.fullmatch(name):
        raise invalid_header(SCOPE, name, "3 to 63 letters, digits and hyphens")
    if name and headers.get(KEY):
        raise invalid_header(SCOPE, name, f"not together with {KEY}")
    return name


def check(stored_hash: str, given_hash: str) -> None:
    """Raises BlobError unless the request has the key that the blob was written with."""
    if stored_hash == given_hash:
        return
    if not stored_hash:
        raise BlobError("BlobDoesNotUseCustomerSpecifiedEncryption")
    if not given_hash:
        raise BlobError("BlobUsesCustomerSpecifiedEncryption")
    raise BlobError("BlobCustomerSpecifiedEncryptionMismatch")


def check_scope(stored: str, named: str) -> None:
    """Raises BlobError unless a change is for the scope that the blob was written with."""
    if stored != named:
        reason = (
            f"the blob belongs to {f'the encryption scope {stored}' if stored else 'no encryption scope'}"
        )
        raise BlobError("AuthorizationFailure", details=(("EncryptionScope", named), ("Reason", reason)))
