"""Shared key of the Batch service: checking that whoever sent a request holds an account's key.

The text that is signed has the verb, eleven headers, the `ocp-` headers, the path **as sent** and the
query. Clients of different years differ in a few details, so a signature is good if it fits one of
the few texts below; none of them leaves out anything that a request really carries.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from batchite.wire import http_dates
from batchite.wire.batch.errors import BatchError
from batchite.wire.signing import parameters
from batchite.wire.signing.mac import hmac_sha256
from batchite.wire.signing.rules import MAX_SKEW, SIGNED_HEADERS, UNSIGNED_BODY
from batchite.wire.ticks import WallTime

SCHEME = "SharedKey"

_AUTHORIZATION = re.compile(r"(?P<scheme>\S+) +(?P<account>[A-Za-z0-9_.-]{1,100}):(?P<signature>\S+)")
_ENCODED_SLASH = re.compile("%5c|%2f", re.IGNORECASE)

Finding: TypeAlias = Literal["valid", "mismatch", "no-date", "bad-date", "skewed", "unsigned-body"]
Pairs: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Credential:
    """What an Authorization header claims."""

    account: str
    signature: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that are signed, as they came over the wire.

    `raw_path` is still percent-encoded, `query` is decoded; header names are in any letter case, values
    without surrounding space.
    """

    verb: str
    raw_path: str
    query: Pairs
    headers: Pairs


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome; `string_to_sign` is the text the service would have signed, with the parameters that are
    `empty`, which some clients leave out of theirs."""

    finding: Finding
    string_to_sign: str
    empty: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return self.finding == "valid"


def parse_authorization(header: str) -> Credential:
    """Read `SharedKey account:signature`. Raises BatchError (InvalidAuthenticationInfo)."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None or match["scheme"].lower() != SCHEME.lower():
        reason = f"It must read '{SCHEME} <account>:<signature>'."
        raise BatchError("InvalidAuthenticationInfo", reason, (("Reason", reason),))
    return Credential(match["account"], match["signature"])


def verify(request: SignedRequest, credential: Credential, keys: Iterable[bytes], now: WallTime) -> Verdict:
    """Check date and signature of a request; any of `keys` may have signed. Raises ParameterError."""
    parameters.check(request.query)
    texts = list(dict.fromkeys(_strings_to_sign(request, credential.account)))
    if finding := _date_finding(request, now):
        return Verdict(finding, texts[0])
    claimed = _decoded(credential.signature)
    fits = any(hmac.compare_digest(claimed, _mac(key, text)) for key in keys for text in texts)
    empty = tuple(name for name, value in request.query if not value)
    if not fits:
        return Verdict("mismatch", texts[0], empty)
    has_more = any(name.lower() == UNSIGNED_BODY for name, _ in request.headers)
    return Verdict("unsigned-body" if has_more else "valid", texts[0], empty)


def sign(request: SignedRequest, account: str, key: bytes) -> str:
    """The Authorization header of a request, whose date is among its headers."""
    text = next(_strings_to_sign(request, account))
    return f"{SCHEME} {account}:{base64.b64encode(_mac(key, text)).decode()}"


def refusal(verdict: Verdict) -> BatchError:
    """The error for a request that is not valid; it tells the client what the service signed."""
    if verdict.finding == "unsigned-body":
        rule = "The signature covers no body; send one with Content-Length, not with Transfer-Encoding."
        return BatchError("MissingContentLengthHeader", rule)
    detail = {
        "no-date": "The request has neither ocp-date nor Date; one of them is required.",
        "bad-date": "Its date is not written as in 'Sun, 06 Nov 1994 08:49:37 GMT'.",
        "skewed": "Its date is more than 15 minutes from the service's clock; set the client's clock.",
    }.get(verdict.finding)
    if detail is None:
        detail = f"The signature does not fit; the text the service signed is {verdict.string_to_sign!r}."
        if verdict.empty:
            detail += f" Parameters without a value are signed, too; leave out {', '.join(verdict.empty)}."
    return BatchError("AuthenticationFailed", detail, (("AuthenticationErrorDetail", detail),))


def _mac(key: bytes, text: str) -> bytes:
    return hmac_sha256(key, text.encode(errors="surrogatepass"))


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _joined_headers(headers: Pairs) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        folded = name.lower()
        joined[folded] = f"{joined[folded]},{value}" if folded in joined else value
    return joined


def _date_finding(request: SignedRequest, now: WallTime) -> Finding | None:
    headers = _joined_headers(request.headers)
    text = headers.get("ocp-date") or headers.get("date")
    if not text:
        return "no-date"
    try:
        sent = http_dates.read(text)
    except ValueError:
        return "bad-date"
    return "skewed" if abs((now - sent).ticks) > MAX_SKEW.ticks else None


def _strings_to_sign(request: SignedRequest, account: str) -> Iterator[str]:
    headers = _joined_headers(request.headers)
    ocp = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if "ocp-" in name and headers[name])
    variants = itertools.product(_lengths(headers), _paths(request.raw_path), _queries(request.query))
    for length, path, query in variants:
        signed = {**headers, "content-length": length}
        if headers.get("ocp-date"):
            signed["date"] = ""
        lines = "".join(f"{signed.get(name, '')}\n" for name in SIGNED_HEADERS)
        yield f"{request.verb.upper()}\n{lines}{ocp}/{account}{path}{query}"


def _lengths(headers: dict[str, str]) -> tuple[str, ...]:
    """Without a body some clients sign 0 where they send nothing, or nothing where they send 0."""
    sent = headers.get("content-length", "")
    return (sent, "0" if sent == "" else "") if sent in ("", "0") else (sent,)


def _paths(raw_path: str) -> tuple[str, ...]:
    """The oldest clients sign encoded slashes of a file's path as plain ones. The colon of a scheduled job's
    id is signed encoded and sent plain by those whose transport writes a URL in its shortest form."""
    return raw_path, _ENCODED_SLASH.sub("/", raw_path), raw_path.replace(":", "%3A")


def _queries(query: Pairs) -> tuple[str, ...]:
    """Names as sent, or in lower case as the service's own text has it."""
    sent = dict(query)
    folded = {name.lower(): value for name, value in query}
    return tuple("".join(f"\n{name}:{values[name]}" for name in sorted(values)) for values in (sent, folded))
