"""Blob Batch: requests within a request, as multipart/mixed, and the answers to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from http import HTTPStatus
from urllib.parse import urlsplit

from batchite.wire.blob.errors import BlobError, invalid_header

MAX_PARTS = 256
MAX_BODY_BYTES = 4 * 1024 * 1024

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LINE = re.compile(rb"([A-Z]{1,16}) (\S+) HTTP/1\.[01]\r?\n")


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


def read(content_type: str, body: bytes) -> list[Part]:
    """Raises BlobError InvalidHeaderValue or InvalidInput."""
    if not content_type.lower().startswith("multipart/mixed") or _CONTROLS.search(content_type):
        raise invalid_header("Content-Type", content_type, "multipart/mixed with a boundary")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser().parsebytes(head + body)
    parts = message.get_payload()
    if not message.is_multipart() or not isinstance(parts, list):
        raise _malformed("the body does not begin with the boundary of the Content-Type")
    if len(parts) > MAX_PARTS:
        raise _malformed(f"a batch has at most {MAX_PARTS} requests; this one has {len(parts)}")
    return [_read_part(part) for part in parts if isinstance(part, Message)]


def _read_part(part: Message) -> Part:
    if part.get_content_type() != "application/http":
        raise _malformed(f"a part is application/http, not {part.get_content_type()}")
    payload = part.get_payload(decode=True)
    data = payload.lstrip(b"\r\n") if isinstance(payload, bytes) else b""
    line = _LINE.match(data)
    if line is None or not line[2].isascii():
        raise _malformed("a part begins with a line such as DELETE /account/container/blob HTTP/1.1")
    try:
        target = urlsplit(line[2].decode("ascii"))
    except ValueError:
        raise _malformed(f"{line[2].decode('ascii')[:200]!r} is no path and no URL") from None
    fields = BytesHeaderParser().parsebytes(data[line.end() :])
    headers = tuple((name, str(value)) for name, value in fields.items())
    return Part(str(part.get("Content-ID", "")), line[1].decode(), target.path or "/", target.query, headers)


def _malformed(reason: str) -> BlobError:
    return BlobError("InvalidInput", details=(("Reason", reason),))


def write(boundary: str, answers: Sequence[PartAnswer]) -> bytes:
    """The body that answers a batch; the parts are in the order of the requests."""
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
