"""Stored access policies of containers and the level of public access."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from batchite.wire.blob.errors import invalid_header, xml_text
from batchite.wire.blob.xml import Element, invalid_node, malformed, parse
from batchite.wire.ticks import Timestamp

Access = Literal["blob", "container"]

MAX_POLICIES = 5
MAX_ID = 64
MAX_BODY_BYTES = 64 * 1024
PERMISSIONS = "racwdxyltfmeopi"
"""In the order in which the service writes them."""


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a shared access signature that names it by `si` need not say. Times are as the client wrote
    them; an empty text says nothing."""

    id: str
    start: str = ""
    expiry: str = ""
    permission: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Policy, ...])


def encode(policies: Sequence[Policy]) -> bytes | None:
    return _encoder.encode(policies) if policies else None


def decode(stored: bytes | None) -> tuple[Policy, ...]:
    return _decoder.decode(stored) if stored else ()


def find(policies: Iterable[Policy], identifier: str) -> Policy | None:
    return next((policy for policy in policies if policy.id == identifier), None)


def read_access(text: str | None) -> Access | None:
    """The header x-ms-blob-public-access. Raises BlobError InvalidHeaderValue."""
    if text is None:
        return None
    if text not in ("blob", "container"):
        raise invalid_header("x-ms-blob-public-access", text, "blob, container, or no such header")
    return "blob" if text == "blob" else "container"


def read(document: bytes) -> tuple[Policy, ...]:
    """The body of Set Container ACL; an empty one removes all. Raises BlobError."""
    if not document:
        return ()
    root = parse(document, "SignedIdentifiers")
    if len(root.children) > MAX_POLICIES:
        raise malformed(f"a container has at most {MAX_POLICIES} stored access policies")
    policies = tuple(map(_read_policy, root.children))
    if len({policy.id for policy in policies}) != len(policies):
        raise malformed("two policies have the same Id")
    return policies


def _read_policy(element: Element) -> Policy:
    if element.name != "SignedIdentifier":
        raise malformed(f"{element.name!r} is not expected in SignedIdentifiers")
    element.expect("Id", "AccessPolicy")
    identifier = element.value("Id") or ""
    if not 1 <= len(identifier) <= MAX_ID:
        raise invalid_node("Id", identifier, f"1 to {MAX_ID} characters")
    given = element.child("AccessPolicy") or Element("AccessPolicy")
    given.expect("Start", "Expiry", "Permission")
    return Policy(
        identifier, _read_time(given, "Start"), _read_time(given, "Expiry"), _read_permission(given)
    )


def _read_time(element: Element, name: str) -> str:
    text = element.value(name) or ""
    try:
        if text:
            parse_time(text)
    except ValueError:
        raise invalid_node(name, text, "a time such as 2026-01-31T12:00:00Z") from None
    return text


def parse_time(text: str) -> Timestamp:
    """A time as in policies and signatures: a day, or a time of a day. Raises ValueError."""
    return Timestamp.parse(text if "T" in text else f"{text}T00:00:00Z")


def _read_permission(element: Element) -> str:
    text = element.value("Permission") or ""
    if not set(text) <= set(PERMISSIONS):
        raise invalid_node("Permission", text, f"letters of {PERMISSIONS}")
    return text


def write(policies: Iterable[Policy]) -> bytes:
    """The body of Get Container ACL."""
    inner = "".join(map(_write_policy, policies))
    return f'<?xml version="1.0" encoding="utf-8"?><SignedIdentifiers>{inner}</SignedIdentifiers>'.encode()


def _write_policy(policy: Policy) -> str:
    shown = "".join(
        f"<{name}>{xml_text(text)}</{name}>"
        for name, text in (
            ("Start", policy.start), ("Expiry", policy.expiry), ("Permission", policy.permission)
        )
        if text
    )  # fmt: skip
    allowed = f"<AccessPolicy>{shown}</AccessPolicy>" if shown else ""
    return f"<SignedIdentifier><Id>{xml_text(policy.id)}</Id>{allowed}</SignedIdentifier>"
