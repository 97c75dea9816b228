"""Shared access signatures: service SAS for a blob or a container, and account SAS.

What is signed depends on the version in `sv`; see `_FIELDS`. Nothing here looks at the operation: the
result says what the token grants, to whom and how long, and the caller compares.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from batchite.wire.signing.storage_key import sign
from batchite.wire.ticks import Timestamp

Failure = Literal["malformed", "unsupported", "mismatch", "time", "protocol", "address"]
Scope = Literal["blob", "container", "account"]

_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?Z)?", re.ASCII)
_SCOPES: Mapping[str, Scope] = {"b": "blob", "c": "container"}
_OVERRIDES = ("rscc", "rscd", "rsce", "rscl", "rsct")

_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("2020-12-06", ("sp", "st", "se", "resource", "si", "sip", "spr", "sv", "sr", "snapshot", "ses")),
    ("2018-11-09", ("sp", "st", "se", "resource", "si", "sip", "spr", "sv", "sr", "snapshot")),
    ("2015-04-05", ("sp", "st", "se", "resource", "si", "sip", "spr", "sv")),
    ("2013-08-15", ("sp", "st", "se", "resource", "si", "sv")),
)
"""From which version on a service SAS signs which values, all followed by the overrides."""
_FIRST_FIELDS = ("sp", "st", "se", "resource", "si", "sv")
"""Before that, without the overrides."""
_SERVICE_IN_RESOURCE = "2015-02-21"
_SCOPE_IN_ACCOUNT = "2020-12-06"


class SasError(Exception):
    """The token is refused; `detail` tells the client why."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Target:
    """What the request is about, and from where."""

    account: str
    container: str
    blob: str
    scheme: str
    client_address: str


@dataclass(frozen=True, slots=True)
class Token:
    """What a genuine token grants. For an account SAS also the services and resource types."""

    scope: Scope
    permissions: frozenset[str]
    services: frozenset[str] = frozenset()
    resource_types: frozenset[str] = frozenset()


def is_present(query: Mapping[str, str]) -> bool:
    return "sig" in query


def verify(query: Mapping[str, str], target: Target, keys: Iterable[bytes], now: Timestamp) -> Token:
    """Check signature, times, protocol and address of the token in the query.

    `query` has decoded values, each name once. Raises SasError.
    """
    version = query.get("sv", "")
    if not _VERSION.fullmatch(version):
        raise SasError("malformed", f"sv is mandatory and a version such as 2026-10-06, not {version!r}.")
    if any("\n" in value for value in query.values()):
        raise SasError("malformed", "A value of a shared access signature has no line breaks.")
    if "skoid" in query:
        raise SasError("unsupported", "User delegation SAS is not supported; sign with an account key.")
    account_wide = "ss" in query or "srt" in query
    token = _account_token(query) if account_wide else _service_token(query)
    text = _account_string(query, target) if account_wide else _service_string(query, target, token.scope)
    _check_signature(query["sig"], text, keys)
    _check_times(query, now)
    _check_protocol(query.get("spr"), target.scheme)
    _check_address(query.get("sip"), target.client_address)
    return token


def _service_token(query: Mapping[str, str]) -> Token:
    resource = query.get("sr", "")
    if resource in {"bs", "bv", "d"}:
        raise SasError("unsupported", f"sr={resource} is not supported; use b (blob) or c (container).")
    if resource not in _SCOPES:
        raise SasError("malformed", f"sr is mandatory and b (blob) or c (container), not {resource!r}.")
    if "si" in query:
        raise SasError("unsupported", f"No access policy {query['si']!r} is stored for the container.")
    return Token(_SCOPES[resource], frozenset(_required(query, "sp")))


def _account_token(query: Mapping[str, str]) -> Token:
    services, types = _required(query, "ss"), _required(query, "srt")
    return Token("account", frozenset(_required(query, "sp")), frozenset(services), frozenset(types))


def _required(query: Mapping[str, str], name: str) -> str:
    value = query.get(name)
    if not value:
        raise SasError("malformed", f"{name} is mandatory fields. Cannot be empty.")
    return value


def _service_string(query: Mapping[str, str], target: Target, scope: Scope) -> str:
    version = query["sv"]
    resource = f"/{target.account}/{target.container}"
    if scope == "blob":
        resource += f"/{target.blob}"
    if version >= _SERVICE_IN_RESOURCE:
        resource = f"/blob{resource}"
    fields = next((names for since, names in _FIELDS if version >= since), None)
    signed = fields + _OVERRIDES if fields else _FIRST_FIELDS
    snapshot = ""  # a token for a snapshot is sr=bs
    values = {**query, "resource": resource, "snapshot": snapshot}
    return "\n".join(values.get(name, "") for name in signed)


def _account_string(query: Mapping[str, str], target: Target) -> str:
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if query["sv"] >= _SCOPE_IN_ACCOUNT:
        names.append("ses")
    return "\n".join([target.account, *(query.get(name, "") for name in names), ""])


def _check_signature(given: str, text: str, keys: Iterable[bytes]) -> None:
    matches = [hmac.compare_digest(sign(key, text), given.encode()) for key in keys]
    if not any(matches):
        raise SasError("mismatch", f"Signature did not match. String to sign used was {text}")


def _check_times(query: Mapping[str, str], now: Timestamp) -> None:
    start = _time(query, "st") if "st" in query else None
    expiry = _time(query, "se")
    if (start is not None and now < start) or now >= expiry:
        raise SasError(
            "time",
            "Signature not valid in the specified time frame: "
            f"Start [{query.get('st', '')}] - Expiry [{query.get('se', '')}] - Current [{now}]",
        )


def _time(query: Mapping[str, str], name: str) -> Timestamp:
    text = _required(query, name)
    try:
        if _TIME.fullmatch(text):
            return Timestamp.parse(text if "T" in text else f"{text}T00:00:00Z")
    except (ValueError, OverflowError):
        pass
    raise SasError("malformed", f"{name} must be a time such as 2026-01-31T12:00:00Z, not {text!r}.")


def _check_protocol(protocols: str | None, scheme: str) -> None:
    if protocols is None:
        return
    allowed = protocols.split(",")
    if not set(allowed) <= {"https", "http"} or "https" not in allowed:
        raise SasError("malformed", f"spr is https or https,http, not {protocols!r}.")
    if scheme not in allowed:
        raise SasError("protocol", f"The token is for {protocols} and the request came by {scheme}.")


def _check_address(allowed: str | None, client: str) -> None:
    if allowed is None:
        return
    first, _, last = allowed.partition("-")
    try:
        low, high = ip_address(first), ip_address(last or first)
    except ValueError:
        raise SasError("malformed", f"sip is an address or two joined by -, not {allowed!r}.") from None
    if not _is_between(low, _peer(client), high):
        raise SasError("address", client)


def _peer(client: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(client)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_between(
    low: IPv4Address | IPv6Address, address: IPv4Address | IPv6Address | None, high: IPv4Address | IPv6Address
) -> bool:
    if address is None or not low.version == address.version == high.version:
        return False
    return int(low) <= int(address) <= int(high)
