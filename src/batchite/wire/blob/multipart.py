"""Blob Batch: requests within a request, as multipart/mixed, and the answers to them.

Read as the service documents it and in one pass: a body is split at its boundary, a part has a few
headers and one request, and a request has a line, headers and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from batchite.wire.blob.errors import BlobError, invalid_header

MAX_PARTS = 256
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_PART_BYTES = 32 * 1024
MAX_FIELDS = 100
"""Headers of a request."""

_END = b"\r\n"
_TYPE = re.compile(r"multipart/mixed *(?:;|\Z)", re.IGNORECASE | re.ASCII)
_BOUNDARY = re.compile(
    r"; *boundary=(\"?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1 *(?:;|\Z)", re.IGNORECASE | re.ASCII
)
_FIELD = re.compile(rb"([!#-'*+.0-9A-Z^-z|~-]{1,1024}):[ \t]*([\t -~\x80-\xff]*)")
_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]+) HTTP/1\.[01]")
_TARGET = re.compile(r"(?:https?://[^/?#]+)?(/[^?#]*)(?:\?([^#]*))?")


@dataclass(frozen=True, slots=True)
class Part:
    """A request in the batch; `id` is its Content-ID, `path` and `query` are as sent."""

    id: str
    verb: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PartAnswer:
    id: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def read(boundary: bytes, body: bytes) -> list[Part]:
    """At least one. Raises BlobError InvalidInput."""
    delimiter = _END + b"--" + boundary
    before, *parts = (_END + body).split(delimiter, MAX_PARTS + 1)
    if before.strip(_END) or not parts:
        raise _malformed("the body does not begin with the boundary of the Content-Type")
    end = parts.pop()
    if delimiter in end:
        raise _malformed(f"a batch has at most {MAX_PARTS} requests")
    if end.strip(_END) != b"--":
        raise _malformed("the body does not end with the boundary of the Content-Type and two hyphens")
    if not parts:
        raise _malformed("a batch has at least one request")
    return [_read_part(part) for part in parts]


def boundary(content_type: str) -> bytes:
    """What is between the parts. Raises BlobError InvalidHeaderValue."""
    found = _BOUNDARY.search(content_type) if _TYPE.match(content_type) else None
    if found is None:
        raise invalid_header("Content-Type", content_type, "multipart/mixed with a boundary")
    return found[2].encode()


def _read_part(part: bytes) -> Part:
    if len(part) > MAX_PART_BYTES:
        raise _malformed(f"a part has at most {MAX_PART_BYTES} bytes; this one has {len(part)}")
    head, _, request = part.removeprefix(_END).partition(_END * 2)
    described = {name.lower(): value for name, value in _fields(head.split(_END))}
    kind = described.get("content-type", "without a type")
    if kind.partition(";")[0].rstrip().lower() != "application/http":
        raise _malformed(f"a part is application/http, not {kind}")
    encoding = described.get("content-transfer-encoding", "binary")
    if encoding.lower() != "binary":
        raise _malformed(f"the Content-Transfer-Encoding of a part is binary, not {encoding}")
    return _read_request(described.get("content-id", ""), request.lstrip(_END))


def _read_request(id_: str, request: bytes) -> Part:
    head, _, content = request.partition(_END * 2)
    if content.strip(_END):
        raise _malformed("a request in a batch has no body")
    first, *lines = head.split(_END)
    line = _LINE.fullmatch(first)
    target = _TARGET.fullmatch(line[2].decode("ascii")) if line else None
    if line is None or target is None:
        raise _malformed("a request begins with a line such as DELETE /account/container/blob HTTP/1.1")
    return Part(id_, line[1].decode("ascii"), target[1], target[2] or "", tuple(_fields(lines)))


def _fields(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    if len(lines) > MAX_FIELDS:
        raise _malformed(f"a request has at most {MAX_FIELDS} headers")
    return [_field(line) for line in lines if line]


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise _malformed(f"{line[:100].decode('latin-1')!r} is no header")
    return found[1].decode("ascii"), found[2].decode("latin-1").rstrip(" \t")


def _malformed(reason: str) -> BlobError:
    return BlobError("InvalidInput", details=(("Reason", reason),))


def write(boundary: str, answers: Sequence[PartAnswer]) -> bytes:
    """The body that answers a batch; the parts are in the order of the requests. One without an id, if there
    is no other, answers the batch as a whole."""
    lines = b"".join(_write_part(boundary, answer) for answer in answers)
    return lines + f"--{boundary}--\r\n".encode()


def _write_part(boundary: str, answer: PartAnswer) -> bytes:
    head = [f"--{boundary}", "Content-Type: application/http"]
    if answer.id:
        head.append(f"Content-ID: {answer.id}")
    head += ["", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    head += [f"{name}: {value}" for name, value in answer.headers]
    if answer.body:
        head.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1", "replace") + answer.body + b"\r\n"
