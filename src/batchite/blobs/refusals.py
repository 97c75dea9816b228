"""What requests may ask for and this service does not do: refused by name, never ignored.

`HEADERS` and `COMPONENTS`, which are refused everywhere, are printed in the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.wire.blob import conditions, encryption, structured
from batchite.wire.blob.address import Level
from batchite.wire.blob.errors import BlobError, invalid_parameter, unsupported_header

_RETENTION = "immutability policies and legal holds are not supported"

HEADERS: Mapping[str, str] = {
    "x-ms-default-encryption-scope": "containers have no encryption scope; name one with each blob",
    "x-ms-deny-encryption-scope-override": "containers have no encryption scope; name one with each blob",
    "x-ms-immutability-policy-until-date": _RETENTION,
    "x-ms-immutability-policy-mode": _RETENTION,
    "x-ms-legal-hold": _RETENTION,
    "x-ms-expiry-option": "expiry times are for accounts with a hierarchical namespace, which this is not",
    "x-ms-incremental-copy": "incremental copies are not supported",
    "x-ms-file-request-intent": "there are no file shares to copy from here",
}
"""Header and why it is refused, if it has a value."""
_USUAL = {
    "x-ms-default-encryption-scope": encryption.NO_SCOPE,
    "x-ms-deny-encryption-scope-override": "false",
    "x-ms-legal-hold": "false",
}
"""Values that ask for what there is in any case."""

_CONDITIONAL = frozenset(
    {
        "GET blob", "HEAD blob", "PUT blob", "DELETE blob", "PUT blob blocklist", "GET blob blocklist",
        "GET blob metadata", "HEAD blob metadata", "PUT blob metadata", "PUT blob properties",
        "PUT blob snapshot", "PUT blob lease", "PUT blob appendblock", "PUT blob seal", "PUT blob page",
        "GET blob pagelist", "GET blob tags", "PUT blob tags", "PUT blob tier",
    }
)  # fmt: skip
_READ = frozenset(f"{verb} container{of}" for verb in ("GET", "HEAD") for of in ("", " metadata", " acl"))
"""Their answers have an ETag, so that a cache on the way may ask with conditions by itself."""
_TIMED = frozenset({"PUT container acl", "PUT container lease", "DELETE container"})
_FROM_URL = frozenset({"PUT blob", "PUT blob block", "PUT blob appendblock", "PUT blob page"})

PLACES: Mapping[str, frozenset[str]] = {
    "x-ms-if-tags": _CONDITIONAL,
    **dict.fromkeys(("if-match", "if-none-match"), _CONDITIONAL | _READ),
    "if-modified-since": _CONDITIONAL | _READ | _TIMED | {"PUT container metadata"},
    "if-unmodified-since": _CONDITIONAL | _READ | _TIMED,
    **dict.fromkeys(conditions.FORMS[conditions.OF_TAGS], frozenset({"GET blob tags", "PUT blob tags"})),
    **dict.fromkeys(conditions.FORMS[conditions.OF_TIER], frozenset({"DELETE blob"})),
    structured.HEADER: _FROM_URL | {"GET blob", "PUT blob blocklist"},
    "x-ms-copy-source": _FROM_URL,
    "x-ms-source-range": _FROM_URL - {"PUT blob"},
}
"""Conditions, sources and forms of a body that some operations know only, and those: verb, level and
`comp`. Refused elsewhere: the client would take for checked, or stored, what is not. What only describes a
blob (metadata, properties, tags, tier) is ignored where it has no place: clients send it with every part of
an upload."""

_OF_SOURCE = conditions.FORMS[conditions.OF_SOURCE] | {
    "x-ms-source-if-tags",
    "x-ms-source-lease-id",
    "x-ms-source-range",
    "x-ms-source-content-md5",
    "x-ms-source-content-crc64",
    "x-ms-source-encryption-key",
    "x-ms-copy-source-authorization",
    "x-ms-copy-source-tag-option",
    "x-ms-copy-source-blob-properties",
    "x-ms-requires-sync",
    "x-ms-seal-blob",
}
"""Headers which mean something only together with the URL of a source."""

_LOOKED_AT = frozenset({*HEADERS, *PLACES, *_OF_SOURCE})

COMPONENTS: Mapping[Level, frozenset[str]] = {
    "service": frozenset(),
    "container": frozenset({"rename"}),
    "blob": frozenset({"incrementalcopy", "query", "expiry", "immutabilityPolicies", "legalhold"}),
}
"""Values of `comp` which the protocol has and this service has not."""


def check(verb: str, headers: Mapping[str, str], query: Mapping[str, str], level: Level) -> None:
    """Raises BlobError for what changes the meaning of the request and would be lost."""
    if headers.keys().isdisjoint(_LOOKED_AT):
        return
    place = f"{verb} {level} {query.get('comp', '')}".rstrip()
    for name in headers.keys() & HEADERS.keys():
        if headers[name] and headers[name].lower() != _USUAL.get(name):
            raise unsupported_header(name, headers[name], HEADERS[name])
    for name in headers.keys() & PLACES.keys():
        if headers[name] and place not in PLACES[name]:
            raise unsupported_header(name, headers[name], "this operation has no such header")
    if not headers.get("x-ms-copy-source"):
        for name in headers.keys() & _OF_SOURCE:
            if headers[name]:
                raise unsupported_header(name, headers[name], "only together with x-ms-copy-source")


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
