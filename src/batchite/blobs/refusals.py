"""What requests may ask for and this service does not do: refused by name, never ignored.

The tables are printed in the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.wire.blob.address import Level
from batchite.wire.blob.errors import BlobError, invalid_parameter, unsupported_header

_COPY = "copying from a URL is not supported"
_TIER = "access tiers are not supported"
_TAGS = "blob tags are not supported"
_ENCRYPTION = "encryption with keys or scopes of the client is not supported"
_RETENTION = "immutability policies and legal holds are not supported"
_CRC64 = "CRC64 checksums are not supported; use Content-MD5"

HEADERS: Mapping[str, str] = {
    "x-ms-copy-source": _COPY,
    "x-ms-copy-action": _COPY,
    "x-ms-access-tier": _TIER,
    "x-ms-rehydrate-priority": _TIER,
    "x-ms-tags": _TAGS,
    "x-ms-if-tags": _TAGS,
    "x-ms-encryption-key": _ENCRYPTION,
    "x-ms-encryption-key-sha256": _ENCRYPTION,
    "x-ms-encryption-scope": _ENCRYPTION,
    "x-ms-default-encryption-scope": _ENCRYPTION,
    "x-ms-immutability-policy-until-date": _RETENTION,
    "x-ms-immutability-policy-mode": _RETENTION,
    "x-ms-legal-hold": _RETENTION,
    "x-ms-expiry-option": "expiry times of blobs are not supported",
    "x-ms-content-crc64": _CRC64,
    "x-ms-structured-body": "structured message bodies are not supported; send the plain bytes",
}
"""Header and why it is refused, if it has a value."""

SWITCHES: Mapping[str, str] = {"x-ms-range-get-content-crc64": _CRC64}
"""Refused if the value is true."""

COMPONENTS: Mapping[Level, frozenset[str]] = {
    "service": frozenset({"batch", "blobs"}),
    "container": frozenset({"batch", "rename", "blobs"}),
    "blob": frozenset(
        {
            "copy", "incrementalcopy", "tier",
            "tags", "query", "expiry", "immutabilityPolicies", "legalhold",
        }
    ),
}  # fmt: skip
"""Values of `comp` which the protocol has and this service has not."""


def check(headers: Mapping[str, str], query: Mapping[str, str], level: Level) -> None:
    """Raises BlobError for what would have to be ignored."""
    for name in headers.keys() & HEADERS.keys():
        if headers[name]:
            raise unsupported_header(name, headers[name], HEADERS[name])
    for name in headers.keys() & SWITCHES.keys():
        if headers[name].lower() == "true":
            raise unsupported_header(name, headers[name], SWITCHES[name])


def unknown_operation(level: Level, query: Mapping[str, str]) -> BlobError:
    """For a combination of restype and comp that is in no table of operations."""
    component, kind = query.get("comp", ""), query.get("restype", "")
    if component in COMPONENTS[level]:
        return _unsupported_parameter("comp", component, f"comp={component} is not supported")
    if component:
        return invalid_parameter("comp", component, f"no operation on a {level} has this value")
    if kind:
        return invalid_parameter("restype", kind, f"no operation on a {level} has this value")
    return BlobError("MissingRequiredQueryParameter", details=(("QueryParameterName", "comp"),))


def _unsupported_parameter(name: str, value: str, reason: str) -> BlobError:
    return invalid_parameter(name, value, reason, code="UnsupportedQueryParameter")
