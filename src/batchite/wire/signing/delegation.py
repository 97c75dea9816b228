"""User delegation keys: with one a user signs shared access signatures without an account key.

A key is computed from the account's key and everything that describes it, and from the role that its
user has. So it is not stored, cannot be made longer, and allows no more than that role.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator

import msgspec

from batchite.wire.blob.errors import xml_text
from batchite.wire.blob.xml import invalid_node, parse
from batchite.wire.signing.bearer import ROLES, Identity, Role
from batchite.wire.ticks import Duration, Timestamp, WallTime

MAX_LIFETIME = Duration.of(days=7)
MAX_BODY_BYTES = 16 * 1024


class KeyInfo(msgspec.Struct, frozen=True):
    """Describes a key; texts are as in the query of a signature (skoid, sktid, skt, ske, sks, skv,
    skdutid)."""

    oid: str
    tid: str
    start: str
    expiry: str
    service: str
    version: str
    delegated_tid: str = ""


def request(document: bytes, identity: Identity, version: str, now: WallTime) -> KeyInfo:
    """What the body of Get User Delegation Key asks for. Raises BlobError."""
    root = parse(document, "KeyInfo")
    root.expect("Start", "Expiry", "DelegatedUserTid")
    start = _time("Start", root.value("Start") or str(now))
    expiry = _time("Expiry", root.value("Expiry") or "")
    if expiry <= now or expiry <= start:
        raise invalid_node("Expiry", str(expiry), "after Start, and in the future")
    if (
        expiry.ticks - min(start, now).ticks > MAX_LIFETIME.ticks
        or start.ticks - now.ticks > MAX_LIFETIME.ticks
    ):
        raise invalid_node("Expiry", str(expiry), "at most 7 days from now and from Start")
    delegated = root.value("DelegatedUserTid") or ""
    return KeyInfo(identity.oid, identity.tid, _text(start), _text(expiry), "b", version, delegated)


def _time(name: str, text: str) -> Timestamp:
    try:
        return Timestamp.parse(text)
    except ValueError:
        raise invalid_node(name, text, "a time such as 2026-01-31T12:00:00Z") from None


def _text(time: Timestamp) -> str:
    """In whole seconds, as clients write it into signatures."""
    return str(Timestamp(time.ticks // 10_000_000 * 10_000_000))


def value(info: KeyInfo, role: Role, account_key: bytes) -> bytes:
    own = hmac.digest(account_key, b"batchite user delegation key", hashlib.sha256)
    return hmac.digest(own, msgspec.json.encode((info, role)), hashlib.sha256)


def candidates(info: KeyInfo, account_keys: Iterable[bytes]) -> Iterator[tuple[Role, bytes]]:
    """The values the key can have, by the role of its user."""
    for key in account_keys:
        for role in ROLES:
            yield role, value(info, role, key)


def write(info: KeyInfo, key: bytes) -> bytes:
    """The body of the answer."""
    shown = (
        ("SignedOid", info.oid),
        ("SignedTid", info.tid),
        ("SignedStart", info.start),
        ("SignedExpiry", info.expiry),
        ("SignedService", info.service),
        ("SignedVersion", info.version),
        *((("SignedDelegatedUserTid", info.delegated_tid),) if info.delegated_tid else ()),
        ("Value", base64.b64encode(key).decode()),
    )
    inner = "".join(f"<{name}>{xml_text(text)}</{name}>" for name, text in shown)
    return f'<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>{inner}</UserDelegationKey>'.encode()
