"""A request to be sent: signed, and written to the wire in one of many ways."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Literal
from urllib.parse import quote

from tests.fuzz import values
from tests.fuzz.values import Dice

from batchite.web.protocol import MAX_HEAD_BYTES
from batchite.wire.signing import shared_key, storage_key
from batchite.wire.signing.shared_key import SignedRequest
from batchite.wire.signing.storage_key import Signed

Service = Literal["batch", "blob"]
Pairs = tuple[tuple[str, str], ...]
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class Request:
    """`path` is encoded, `query` is not yet."""

    service: Service
    verb: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""

    @property
    def target(self) -> str:
        pairs = (f"{_encoded(name)}={_encoded(value)}" for name, value in self.query)
        return f"{self.path}?{'&'.join(pairs)}" if self.query else self.path

    @property
    def is_documented(self) -> bool:
        """Whether errors have a body of the service's form."""
        return self.verb != "HEAD" and not self.path.startswith("/-")

    @property
    def may_have_body(self) -> bool:
        return bool(self.body) or self.verb in ("PUT", "POST", "PATCH")


@dataclass(frozen=True)
class Sent:
    """Bytes to write, one after the other, and the `verbs` of the requests in them. So many `answers` have to
    come, unless one of them says that it is the last; to what is no proper HTTP none has to."""

    pieces: tuple[bytes, ...]
    verbs: tuple[str, ...]
    answers: int = 1
    ends: bool = False
    """whether nothing more is written afterwards"""


@dataclass(frozen=True)
class Account:
    name: str
    key: bytes


def changed(dice: Dice, request: Request) -> Request:
    """Perhaps with a query or headers that are not in order."""
    query, headers = list(request.query), list(request.headers)
    if dice.seldom(0.12):
        _spoil(dice, query)
    if dice.seldom(0.12):
        _spoil(dice, headers)
    return replace(request, query=tuple(query), headers=tuple(headers))


def _spoil(dice: Dice, pairs: list[tuple[str, str]]) -> None:
    if not pairs:
        return
    place = dice.randrange(len(pairs))
    name, value = pairs[place]
    match dice.randrange(6):
        case 0:
            del pairs[place]
        case 1:
            pairs.append((name, value))
        case 2:
            pairs.append((name.swapcase(), values.text(dice)))
        case 3:
            pairs[place] = (values.text(dice) or name, value)
        case _:
            pairs[place] = (name, values.text(dice))


def authorized(dice: Dice, request: Request, account: Account) -> Request:
    """Signed with the account's key, unless it is to be a stranger's."""
    if dice.seldom(0.02):
        return request
    date = ("ocp-date" if request.service == "batch" else "x-ms-date", formatdate(usegmt=True))
    request = replace(request, headers=(*request.headers, date))
    query = tuple((_received(name), _received(value)) for name, value in request.query)
    headers: dict[str, str] = {}
    for name, value in (*request.headers, *_length(request)):
        name, value = name.lower(), _as_latin(value).strip(" \t")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    if request.service == "batch":
        whole = SignedRequest(request.verb, request.path, query, tuple(headers.items()))
        claim = shared_key.sign(whole, account.name, account.key)
    else:
        signed = Signed(request.verb, request.path, query, headers)
        text = next(iter(storage_key.strings_to_sign(signed, account.name)))
        claim = f"SharedKey {account.name}:{storage_key.sign(account.key, text).decode()}"
    return replace(request, headers=(*request.headers, ("Authorization", claim)))


def sent(dice: Dice, request: Request, host: str) -> Sent:
    """Mostly as clients do; some ways are odd but right, others are no proper HTTP."""
    head, body = _head(request, [("Host", host), *request.headers]), request.body
    length = _lines(_length(request))
    whole = head + length + b"\r\n" + body
    is_proper = _is_proper(request) and len(head) < MAX_HEAD_BYTES
    usual = Sent((whole,), (request.verb,), answers=1 if is_proper else 0)
    if not dice.seldom(0.3):
        return usual
    at = dice.randrange(len(whole))
    match dice.randrange(12):
        case 0:
            return replace(usual, pieces=(whole[:at], whole[at:]))
        case 1:
            return replace(
                usual, pieces=(head + b"Transfer-Encoding: chunked\r\n\r\n" + _chunked(dice, body),)
            )
        case 2:
            upgrade = dice.choice((b"h2c", b"websocket", b"TLS/1.3", b""))
            more = (
                b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
                % upgrade
            )
            return replace(usual, pieces=(head + length + more + body,))
        case 3:
            return replace(usual, pieces=(head + length + b"Expect: 100-continue\r\n\r\n", body))
        case 4:
            return Sent((whole * 3,), (request.verb,) * 3, answers=3 * usual.answers)
        case 5:
            return replace(usual, ends=True)
        case 6:
            return replace(usual, pieces=(whole[:at],), answers=0, ends=True)
        case 7:
            return replace(usual, pieces=(_odd(dice, head, length, body),), answers=0, ends=True)
        case 8:
            return replace(usual, pieces=(values.damaged(dice, whole),), answers=0, ends=True)
        case 9:
            many = b"".join(b"x-%d: 1\r\n" % number for number in range(dice.choice((99, 2000, 20_000))))
            return replace(usual, pieces=(head + many + length + b"\r\n" + body,), answers=0, ends=True)
        case 10:
            smuggled = b"Transfer-Encoding: chunked\r\n" + length + b"\r\n" + _chunked(dice, body)
            return replace(usual, pieces=(head + smuggled,), answers=0, ends=True)
        case _:
            return replace(usual, pieces=(whole.replace(b"HTTP/1.1", b"HTTP/1.0", 1),))


def _odd(dice: Dice, head: bytes, length: bytes, body: bytes) -> bytes:
    wrong = dice.choice((b"-1", b"+1", b"1, 1", b"0x1", b"9" * 30, b"1 1", b"", b"%d" % (len(body) + 9)))
    return dice.choice(
        (
            head.replace(b"\r\n", b"\n") + b"\n" + body,
            head + length * 2 + b"Content-Length: 1\r\n\r\n" + body,
            head + b"Content-Length: %b\r\n\r\n%b" % (wrong, body),
            head + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + body,
            head
            + b"Transfer-Encoding: chunked\r\n\r\n%b\r\n%b" % (dice.choice((b"zz", b"-1", b"f" * 20)), body),
            head + b" folded: 1\r\n\r\n" + body,
            head.replace(b"Host:", b"Hosts:") + length + b"\r\n" + body,
            b"\r\n\r\n" + head + length + b"\r\n" + body,
            head.replace(b" HTTP/1.1", b" HTTP/2.0") + b"\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
        )
    )


def _chunked(dice: Dice, body: bytes) -> bytes:
    pieces: list[bytes] = []
    rest = body
    while rest:
        size = min(len(rest), dice.choice((1, 7, 4096, 1 << 20)) if len(pieces) < 50 else len(rest))
        extension = b";a=b" if dice.seldom(0.1) else b""
        pieces.append(b"%x%b\r\n%b\r\n" % (size, extension, rest[:size]))
        rest = rest[size:]
    return b"".join(pieces) + (b"0\r\nTrailer: 1\r\n\r\n" if dice.seldom(0.1) else b"0\r\n\r\n")


def _head(request: Request, headers: list[tuple[str, str]]) -> bytes:
    return _bytes(f"{request.verb} {request.target} HTTP/1.1\r\n") + _lines(headers)


def _lines(headers: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % (_bytes(name), _bytes(value)) for name, value in headers)


def _length(request: Request) -> Pairs:
    return (("Content-Length", str(len(request.body))),) if request.may_have_body else ()


def _is_proper(request: Request) -> bool:
    names = [request.verb, *(name for name, _ in request.headers)]
    told = [request.path, *(value for _, value in request.headers)]
    return all(_TOKEN.fullmatch(name) for name in names) and not any(_CONTROL.search(value) for value in told)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _as_latin(text: str) -> str:
    """As the service reads it."""
    return _bytes(text).decode("latin-1")


def _received(text: str) -> str:
    return _bytes(text).decode("utf-8", "replace")


def _encoded(text: str) -> str:
    return quote(_bytes(text), safe="$-")
