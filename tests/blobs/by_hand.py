"""Requests written by hand, for what an SDK would not send."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import unquote
from xml.etree import ElementTree

from tests.blobs.server import KEY, NAME, Server

PUT = {"x-ms-blob-type": "BlockBlob"}
LIST = "/things?restype=container&comp=list"
WRITES: Mapping[str, tuple[str, dict[str, str], bytes]] = {
    "Put Blob": ("/things/b", PUT, b"x" * 100),
    "Put Block": ("/things/b?comp=block&blockid=AAAA", {}, b"x" * 100),
    "Put Block List": ("/things/b?comp=blocklist", {}, b"<BlockList></BlockList>"),
    "Append Block": ("/things/log?comp=appendblock", {}, b"x" * 100),
    "Put Page": (
        "/things/disk?comp=page",
        {"x-ms-range": "bytes=0-511", "x-ms-page-write": "update"},
        b"x" * 512,
    ),
}
"""Each way to write content: where, with which headers, what. They take the fixture `written`."""


def signed(verb: str, path: str, headers: dict[str, str]) -> dict[str, str]:
    """A signer that follows the protocol's text, so that requests outside of the SDK's reach get in."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2025-01-05", **headers}
    lower = {name.lower(): value for name, value in headers.items()}
    length = lower.get("content-length", "")
    lines = [verb, "", "", "" if length == "0" else length, lower.get("content-md5", "")]
    lines += [
        lower.get("content-type", ""),
        "",
        lower.get("if-modified-since", ""),
        lower.get("if-match", ""),
        lower.get("if-none-match", ""),
    ]
    lines += [lower.get("if-unmodified-since", ""), lower.get("range", "")]
    lines += [f"{name}:{lower[name]}" for name in sorted(lower) if name.startswith("x-ms-")]
    resource, _, query = path.partition("?")
    lines.append(f"/{NAME}{resource}")
    pairs = sorted((part.partition("=")[::2] for part in query.split("&") if part), key=_lower_name)
    lines += [f"{name.lower()}:{unquote(value)}" for name, value in pairs]
    mac = hmac.digest(base64.b64decode(KEY), "\n".join(lines).encode(), hashlib.sha256)
    return {**headers, "Authorization": f"SharedKey {NAME}:{base64.b64encode(mac).decode()}"}


def _lower_name(pair: tuple[str, str]) -> str:
    return pair[0].lower()


async def exchange(server: Server, verb: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection(*server.address)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n"
    writer.write(start.encode("latin-1") + body)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def call(
    server: Server, verb: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[int, str]:
    """Status and error code of a request signed with the account's key."""
    path = f"/{NAME}{path}"
    given = dict(headers or {})
    if verb in ("PUT", "POST") and "Transfer-Encoding" not in given:
        given["Content-Length"] = str(len(body))
    answer = await exchange(server, verb, path, signed(verb, path, given), body)
    return status_and_code(answer)


def status_and_code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    if body.startswith(b"<?xml") and b"<Error>" in body:
        return int(head.split()[1]), ElementTree.fromstring(body).findtext("Code") or ""  # noqa: S314
    return int(head.split()[1]), ""
