"""Shared access signatures: service SAS for a blob or a container, account SAS, user delegation SAS.

What is signed depends on the version in `sv`; see `_FIELDS` and `_DELEGATED`. Nothing here looks at
the operation: the result says what the token grants, to whom and how long, and the caller compares.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

import msgspec

from batchite.wire.blob.policies import Policy, find, parse_time
from batchite.wire.signing import delegation, parameters
from batchite.wire.signing.bearer import Role
from batchite.wire.signing.delegation import KeyInfo
from batchite.wire.signing.storage_key import sign
from batchite.wire.ticks import Timestamp, WallTime

Failure = Literal["malformed", "unsupported", "mismatch", "time", "protocol", "address"]
Scope = Literal["blob", "container", "account"]

_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?Z)?", re.ASCII)
_SCOPES: Mapping[str, Scope] = {"b": "blob", "bs": "blob", "bv": "blob", "c": "container"}
_MOMENTS: Mapping[str, str] = {"bs": "snapshot", "bv": "versionid"}
"""Which parameter of the request a token for one state of a blob is for."""
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
_KEY = ("skoid", "sktid", "skt", "ske", "sks", "skv")
_PEOPLE = ("saoid", "suoid", "scid")
_DELEGATED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "2026-04-06",
        (*_KEY, *_PEOPLE, "skdutid", "sduoid", "sip", "spr", "sv", "sr", "snapshot", "ses", "srh", "srq"),
    ),
    ("2025-07-05", (*_KEY, *_PEOPLE, "skdutid", "sduoid", "sip", "spr", "sv", "sr", "snapshot", "ses")),
    ("2020-12-06", (*_KEY, *_PEOPLE, "sip", "spr", "sv", "sr", "snapshot", "ses")),
    ("2020-02-10", (*_KEY, *_PEOPLE, "sip", "spr", "sv", "sr", "snapshot")),
    ("2018-11-09", (*_KEY, "sip", "spr", "sv", "sr", "snapshot")),
)
"""From which version on a user delegation SAS signs which values, after permissions, times and the
resource and before the overrides."""
_UNSUPPORTED = {
    "saoid": "directories with access lists do not exist here",
    "suoid": "directories with access lists do not exist here",
}
_COVERED = frozenset(
    {"sig", "sv", "ss", "srt", *_FIRST_FIELDS, *_OVERRIDES, *_MOMENTS.values()}.union(
        *(names for _, names in _FIELDS + _DELEGATED)
    )
    - {"resource"}
)
"""Parameters that a signature covers in one version or another, in lower case."""
_SERVICE_IN_RESOURCE = "2015-02-21"
_SCOPE_SIGNED = "2020-12-06"


class SasError(Exception):
    """The token is refused; `detail` tells the client why."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


class Target(msgspec.Struct, frozen=True):
    """What the request is about, and from where. A token may be bound to some of `headers`, which have
    names in lower case; `parameters` are all of the query as they were sent."""

    account: str
    container: str
    blob: str
    scheme: str
    client_address: str
    headers: Mapping[str, str] = {}
    parameters: Sequence[tuple[str, str]] = ()


class Token(msgspec.Struct, frozen=True):
    """What a genuine token grants. For an account SAS also the services and resource types.

    A user delegation SAS grants no more than the `role` of the user whose key signed it; `user` is the
    object and tenant id of the only one who may use it, who has to show who that is. What is written
    with the token belongs to its `encryption_scope`, if it has one.
    """

    scope: Scope
    permissions: frozenset[str]
    services: frozenset[str] = frozenset()
    resource_types: frozenset[str] = frozenset()
    role: Role | None = None
    user: tuple[str, str] | None = None
    encryption_scope: str = ""


def is_present(query: Mapping[str, str]) -> bool:
    return "sig" in query


def verify(
    query: Mapping[str, str],
    target: Target,
    keys: Iterable[bytes],
    now: WallTime,
    policies: Iterable[Policy] = (),
) -> Token:
    """Check signature, times, protocol and address of the token in the query.

    `query` is what the service obeys: names in lower case, decoded values; `policies` are those stored
    for the container. Raises SasError, and ParameterError for what is covered and ambiguous.
    """
    bound = (name.lower() for name in _names(query, "srq"))
    parameters.check(target.parameters, _COVERED.union(bound))
    version = query.get("sv", "")
    if not _VERSION.fullmatch(version):
        raise SasError("malformed", f"sv is mandatory and a version such as 2026-10-06, not {version!r}.")
    if "skoid" in query:
        token = _delegated_token(query, target, keys, now)
    elif "ss" in query or "srt" in query:
        _check_signature(query["sig"], account_string(query, target), keys)
        token = _account_token(query)
        _check_times(query, now)
    else:
        _check_signature(query["sig"], service_string(query, target), keys)
        said = _with_policy(query, policies)
        token = Token(_scope(query), frozenset(_required(said, "sp")))
        _check_times(said, now)
    _check_protocol(query.get("spr"), target.scheme)
    _check_address(query.get("sip"), target.client_address)
    return _with_encryption_scope(token, query)


def _with_encryption_scope(token: Token, query: Mapping[str, str]) -> Token:
    """Older versions do not sign it, so anybody could have added it."""
    scope = query.get("ses")
    if not scope:
        return token
    if query["sv"] < _SCOPE_SIGNED:
        raise SasError("malformed", f"ses needs a later version than sv={query['sv']}.")
    return msgspec.structs.replace(token, encryption_scope=scope)


def _scope(query: Mapping[str, str]) -> Scope:
    resource = query.get("sr", "")
    if resource == "d":
        raise SasError("unsupported", "sr=d is not supported: there are no directories; use sr=b or sr=c.")
    if resource not in _SCOPES:
        raise SasError("malformed", f"sr is mandatory and b, bs, bv or c, not {resource!r}.")
    return _SCOPES[resource]


def _with_policy(query: Mapping[str, str], policies: Iterable[Policy]) -> Mapping[str, str]:
    """Permissions and times of the token, from the policy if it names one. Nothing may be said twice."""
    identifier = query.get("si")
    if not identifier:
        return query
    policy = find(policies, identifier)
    if policy is None:
        raise SasError("malformed", f"No access policy {identifier!r} is stored for the container.")
    stored = {"sp": policy.permission, "st": policy.start, "se": policy.expiry}
    said = {name: value for name, value in stored.items() if value}
    for name in said:
        if query.get(name):
            raise SasError("malformed", f"{name} is in the token and in the policy {identifier!r} as well.")
    return {**query, **said}


def _account_token(query: Mapping[str, str]) -> Token:
    services, types = _required(query, "ss"), _required(query, "srt")
    return Token("account", frozenset(_required(query, "sp")), frozenset(services), frozenset(types))


def _required(query: Mapping[str, str], name: str) -> str:
    value = query.get(name)
    if not value:
        raise SasError("malformed", f"{name} is mandatory fields. Cannot be empty.")
    return value


def _resource(query: Mapping[str, str], target: Target) -> str:
    resource = f"/{target.account}/{target.container}"
    if _scope(query) == "blob":
        resource += f"/{target.blob}"
    return f"/blob{resource}" if query["sv"] >= _SERVICE_IN_RESOURCE else resource


def _moment(query: Mapping[str, str]) -> str:
    """The snapshot or version the token is for; it is not part of the token, but of the request."""
    parameter = _MOMENTS.get(query.get("sr", ""))
    return query.get(parameter, "") if parameter else ""


def service_string(query: Mapping[str, str], target: Target) -> str:
    """What a token for a blob or a container signs."""
    fields = next((names for since, names in _FIELDS if query["sv"] >= since), None)
    signed = fields + _OVERRIDES if fields else _FIRST_FIELDS
    values = {**query, "resource": _resource(query, target), "snapshot": _moment(query)}
    return "\n".join(values.get(name, "") for name in signed)


def _delegated_token(query: Mapping[str, str], target: Target, keys: Iterable[bytes], now: WallTime) -> Token:
    text = _delegated_string(query, target)
    role = _check_delegated_signature(query, text, keys)
    _check_times(query, now)
    _check_key_times(query, now)
    user = (query["sduoid"], query.get("skdutid", "")) if query.get("sduoid") else None
    return Token(_scope(query), frozenset(_required(query, "sp")), role=role, user=user)


def _delegated_string(query: Mapping[str, str], target: Target) -> str:
    fields = next((names for since, names in _DELEGATED if query["sv"] >= since), None)
    if fields is None:
        raise SasError("malformed", "A user delegation SAS has sv 2018-11-09 or later.")
    if query.get("si"):
        raise SasError("malformed", "A user delegation SAS cannot name a stored access policy (si).")
    for name, reason in _UNSUPPORTED.items():
        if query.get(name):
            raise SasError("unsupported", f"{name} is not supported: {reason}.")
    for name in ("skdutid", "sduoid", "srh", "srq"):
        if query.get(name) and name not in fields:
            raise SasError("malformed", f"{name} needs a later version than sv={query['sv']}.")
    values = {
        **query,
        "resource": _resource(query, target),
        "snapshot": _moment(query),
        "srh": "".join(f"{name}:{target.headers.get(name.lower(), '')}\n" for name in _names(query, "srh")),
        "srq": "".join(f"\n{name}:{query.get(name.lower(), '')}" for name in _names(query, "srq")),
    }
    return "\n".join(values.get(name, "") for name in ("sp", "st", "se", "resource", *fields, *_OVERRIDES))


def _names(query: Mapping[str, str], of: str) -> Sequence[str]:
    """The headers (srh) or parameters (srq) of the request that the token is bound to, as spelled there."""
    text = query.get(of, "")
    if ":" in text:  # which would take a part of the value for a part of the name
        raise SasError("malformed", f"{of} is a list of names, joined by commas, not {text!r}.")
    return [name for name in text.split(",") if name]


def _check_delegated_signature(query: Mapping[str, str], text: str, keys: Iterable[bytes]) -> Role:
    info = KeyInfo(*(query.get(name, "") for name in (*_KEY, "skdutid")))
    given = query["sig"].encode()
    for role, key in delegation.candidates(info, keys):
        if hmac.compare_digest(sign(key, text), given):
            return role
    raise SasError("mismatch", f"Signature did not match. String to sign used was {text}")


def _check_key_times(query: Mapping[str, str], now: WallTime) -> None:
    if _required(query, "sks") != "b":
        raise SasError("malformed", "The key is for another service than Blob (sks).")
    if not _time(query, "skt") <= now < _time(query, "ske"):
        raise SasError(
            "time",
            f"The user delegation key is not valid now: Start [{query['skt']}] - Expiry [{query['ske']}] - "
            f"Current [{now}]",
        )


def account_string(query: Mapping[str, str], target: Target) -> str:
    """What a token for an account signs."""
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if query["sv"] >= _SCOPE_SIGNED:
        names.append("ses")
    return "\n".join([target.account, *(query.get(name, "") for name in names), ""])


def _check_signature(given: str, text: str, keys: Iterable[bytes]) -> None:
    matches = [hmac.compare_digest(sign(key, text), given.encode()) for key in keys]
    if not any(matches):
        raise SasError("mismatch", f"Signature did not match. String to sign used was {text}")


def times(query: Mapping[str, str]) -> tuple[Timestamp, Timestamp]:
    """From when on a token is valid, and when it is not any more. Raises SasError."""
    start = _time(query, "st") if query.get("st") else Timestamp(0)
    return start, _time(query, "se")


def _check_times(query: Mapping[str, str], now: WallTime) -> None:
    start, expiry = times(query)
    if not start <= now < expiry:
        raise SasError(
            "time",
            "Signature not valid in the specified time frame: "
            f"Start [{query.get('st', '')}] - Expiry [{query.get('se', '')}] - Current [{now}]",
        )


_parsed = lru_cache(maxsize=256)(parse_time)


def _time(query: Mapping[str, str], name: str) -> Timestamp:
    text = _required(query, name)
    try:
        if _TIME.fullmatch(text):
            return _parsed(text)
    except ValueError:
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
