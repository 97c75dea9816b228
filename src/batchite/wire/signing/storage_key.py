"""Shared key of the storage services: `Authorization: SharedKey account:signature`, or SharedKeyLite.

The string to sign is that of x-ms-version 2015-02-21 and later (an empty Content-Length for 0). The
path is taken as sent, and so counts the account twice where the URL begins with it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from batchite.wire.blob.dates import parse_http_date
from batchite.wire.signing import parameters
from batchite.wire.signing.mac import hmac_sha256
from batchite.wire.signing.rules import MAX_SKEW, SIGNED_HEADERS, UNSIGNED_BODY
from batchite.wire.ticks import WallTime

Outcome = Literal[
    "valid", "malformed", "wrong-account", "no-date", "bad-date", "skewed", "mismatch", "unsigned-body"
]


class Signed(msgspec.Struct, frozen=True):
    """The parts of a request that are signed.

    Header names are in lower case and each occurs once (joined with commas), values have no space around
    them; query names and values are decoded.
    """

    verb: str
    raw_path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]


class Verdict(msgspec.Struct, frozen=True):
    """`detail` is for the client: what does not fit, and on a mismatch the string that we signed."""

    outcome: Outcome
    detail: str = ""

    @property
    def valid(self) -> bool:
        return self.outcome == "valid"


_VALID = Verdict("valid")
_UNSIGNED_BODY = Verdict(
    "unsigned-body", "the signature covers no body; send one with Content-Length, not with Transfer-Encoding"
)


def verify(
    request: Signed, account: str, keys: Iterable[bytes], authorization: str, now: WallTime
) -> Verdict:
    """Whether the request was signed with one of the keys, and not more than 15 minutes from `now`.

    Raises ParameterError."""
    parameters.check(request.query)
    scheme, _, credential = authorization.partition(" ")
    name, colon, signature = credential.strip().rpartition(":")
    form = _FORMS.get(scheme.lower())
    if form is None or not colon or not signature:
        return Verdict(
            "malformed", "Authorization must be: SharedKey (or SharedKeyLite) <account>:<signature>"
        )
    if name != account:
        return Verdict("wrong-account", f"The account {name!r} signed a request for the account {account!r}.")
    return _check_date(request.headers, now) or _check_signature(request, account, keys, signature, form)


def _check_date(headers: Mapping[str, str], now: WallTime) -> Verdict | None:
    text = headers.get("x-ms-date") or headers.get("date")
    if not text:
        return Verdict("no-date", "The request needs an x-ms-date or a Date header.")
    try:
        sent = parse_http_date(text)
    except ValueError:
        return Verdict("bad-date", f"Not a time such as Sat, 31 Jan 2026 12:00:00 GMT: {text!r}")
    if abs(sent.ticks - now.ticks) <= MAX_SKEW.ticks:
        return None
    direction = "old" if sent < now else "new"
    return Verdict("skewed", f"Request date header too {direction}: {text!r}; the service's time is {now}.")


def _check_signature(
    request: Signed, account: str, keys: Iterable[bytes], signature: str, form: Form
) -> Verdict:
    given, known = signature.encode(), tuple(keys)
    for text in strings_to_sign(request, account, form):
        for key in known:
            if hmac.compare_digest(sign(key, text), given):
                return _UNSIGNED_BODY if form is _string and UNSIGNED_BODY in request.headers else _VALID
    shown = next(iter(strings_to_sign(request, account, form))).replace("\r", " ")
    return Verdict(
        "mismatch",
        f"The MAC signature found in the HTTP request '{signature}' is not the same as any computed "
        f"signature. Server used following string to sign: '{shown}'. If the client signed the same, it has "
        f"another key than the account {account} has here.",
    )


def sign(key: bytes, text: str) -> bytes:
    """The signature of `text`, in base64."""
    return base64.b64encode(hmac_sha256(key, text.encode()))


def _string(request: Signed, account: str, names: Sequence[str]) -> str:
    headers = request.headers
    lines = [request.verb, *[headers.get(name, "") for name in SIGNED_HEADERS]]
    if lines[3] == "0":
        lines[3] = ""
    if "x-ms-date" in headers:
        lines[6] = ""
    lines += [f"{name}:{headers[name]}" for name in names]
    return "\n".join(lines) + "\n" + canonical_resource(request, account)


def _lite_string(request: Signed, account: str, names: Sequence[str]) -> str:
    """Three headers beside the service's own, and of the query `comp` alone."""
    headers = request.headers
    lines = [request.verb, headers.get("content-md5", ""), headers.get("content-type", "")]
    lines.append("" if "x-ms-date" in headers else headers.get("date", ""))
    lines += [f"{name}:{headers[name]}" for name in names]
    component = next((f"?comp={value}" for name, value in request.query if name.lower() == "comp"), "")
    return "\n".join(lines) + f"\n/{account}{request.raw_path}{component}"


Form = Callable[[Signed, str, Sequence[str]], str]
"""Makes the string to sign, of a request, the account and the names of the service's own headers."""
_FORMS: Mapping[str, Form] = {"sharedkey": _string, "sharedkeylite": _lite_string}


def strings_to_sign(request: Signed, account: str, form: Form = _string) -> Iterable[str]:
    """The string to sign, then what clients sign that sort headers as the real service does.

    The two differ only where metadata names contain `_` or one name begins with another.
    """
    names = sorted([name for name in request.headers if name.startswith("x-ms-")])
    yield form(request, account, names)
    by_weight = sorted(names, key=_weight)
    if by_weight != names:
        yield form(request, account, by_weight)


def _weight(name: str) -> str:
    """Sorts as cultures do: hyphens do not count, `_` goes before digits and letters."""
    return name.replace("-", "").replace("_", "!")


def canonical_resource(request: Signed, account: str) -> str:
    """The account, the path as sent, and every query parameter on a line of its own."""
    values = sorted((name.lower(), value) for name, value in request.query)
    lines = "".join(f"\n{name}:{value}" for name, value in values)
    return f"/{account}{request.raw_path}{lines}"
