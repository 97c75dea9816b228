"""What requests may ask for and this service does not do: refused by name, never ignored.

The tables are printed in the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.wire.blob.address import Level
from batchite.wire.blob.errors import BlobError, invalid_parameter, unsupported_header

_RETENTION = "immutability policies and legal holds are not supported"
_TIER_TIME = "there are no conditions on the time of the last change of tier"

HEADERS: Mapping[str, str] = {
    "x-ms-default-encryption-scope": "containers have no encryption scope; name one with each blob",
    "x-ms-deny-encryption-scope-override": "containers have no encryption scope; name one with each blob",
    "x-ms-access-tier-if-modified-since": _TIER_TIME,
    "x-ms-access-tier-if-unmodified-since": _TIER_TIME,
    "x-ms-immutability-policy-until-date": _RETENTION,
    "x-ms-immutability-policy-mode": _RETENTION,
    "x-ms-legal-hold": _RETENTION,
    "x-ms-expiry-option": "expiry times are for accounts with a hierarchical namespace, which this is not",
    "x-ms-structured-body": "structured message bodies are not supported; send the plain bytes",
    "x-ms-file-request-intent": "there are no file shares to copy from here",
}
"""Header and why it is refused, if it has a value."""

PLACES: Mapping[str, frozenset[str]] = {
    "x-ms-copy-source": frozenset({"", "block", "appendblock", "page"}),
    "x-ms-tags": frozenset({"", "blocklist"}),
    "x-ms-access-tier": frozenset({"", "blocklist", "tier"}),
}
"""Headers that some operations on blobs know only, and the `comp` of those; refused elsewhere."""

_IF_TAGS = "x-ms-if-tags"
_LOOKED_AT = frozenset({*HEADERS, *PLACES, _IF_TAGS})

COMPONENTS: Mapping[Level, frozenset[str]] = {
    "service": frozenset(),
    "container": frozenset({"rename"}),
    "blob": frozenset({"incrementalcopy", "query", "expiry", "immutabilityPolicies", "legalhold"}),
}
"""Values of `comp` which the protocol has and this service has not."""


def check(headers: Mapping[str, str], query: Mapping[str, str], level: Level) -> None:
    """Raises BlobError for what would have to be ignored."""
    if headers.keys().isdisjoint(_LOOKED_AT):
        return
    for name in headers.keys() & HEADERS.keys():
        if headers[name]:
            raise unsupported_header(name, headers[name], HEADERS[name])
    for name in headers.keys() & PLACES.keys():
        if headers[name] and not (level == "blob" and query.get("comp", "") in PLACES[name]):
            raise unsupported_header(name, headers[name], "this operation has no such header")
    if level != "blob" and headers.get(_IF_TAGS):
        raise unsupported_header(_IF_TAGS, headers[_IF_TAGS], "only blobs have tags")


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
