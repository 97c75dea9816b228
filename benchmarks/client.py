"""The Batch API over one kept connection, with as little work at the client as possible.

The benchmarks share the machine with what they measure, so an SDK's own cost would be counted as the
service's. Requests are signed with the account's key, as any client's are.
"""

from __future__ import annotations

import base64
import hmac
import json
import socket
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from batchite.testing import RunningService

API_VERSION = "2025-06-01"
JSON = "application/json; odata=minimalmetadata"


class RequestError(Exception):
    """The service answered with an error, or not with what HTTP/1.1 allows here."""


class Client:
    """One connection, one request at a time."""

    def __init__(self, service: RunningService) -> None:
        url = urlsplit(service.batch_url)
        self._host = url.netloc
        self._account = service.batch_account
        self._key = base64.b64decode(service.batch_key)
        self._socket = socket.create_connection((url.hostname or "", url.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def get(self, path: str, **query: str) -> Any:
        """The decoded answer; names such as `filter` get the dollar sign they have in the API."""
        return self.call("GET", path, {f"${name}": value for name, value in query.items()})

    def post(self, path: str, value: object) -> Any:
        return self.call("POST", path, body=json.dumps(value).encode())

    def call(self, verb: str, path: str, query: Mapping[str, str] | None = None, body: bytes = b"") -> Any:
        """Send a request and wait for its answer. Raises RequestError."""
        self._socket.sendall(
            self._head(verb, path, {**(query or {}), "api-version": API_VERSION}, body) + body
        )
        status, content = self._answer(verb)
        if status >= 400:
            raise RequestError(f"{verb} {path}: {status} {content[:1000].decode(errors='replace')}")
        return json.loads(content) if content and verb != "HEAD" else None

    def close(self) -> None:
        self._socket.close()

    def _head(self, verb: str, path: str, query: Mapping[str, str], body: bytes) -> bytes:
        date = formatdate(usegmt=True)
        length = str(len(body)) if body or verb not in ("GET", "HEAD") else ""
        kind = JSON if body else ""
        lines = [verb, "", "", length, "", kind, "", "", "", "", "", "", f"ocp-date:{date}"]
        lines.append(f"/{self._account}{path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        signature = base64.b64encode(hmac.digest(self._key, "\n".join(lines).encode(), "sha256")).decode()
        head = [
            f"{verb} {path}?{urlencode(query, quote_via=quote)} HTTP/1.1",
            f"Host: {self._host}",
            f"ocp-date: {date}",
            f"Authorization: SharedKey {self._account}:{signature}",
        ]
        head += [f"Content-Length: {length}"] if length else []
        head += [f"Content-Type: {kind}"] if kind else []
        return ("\r\n".join(head) + "\r\n\r\n").encode()

    def _answer(self, verb: str) -> tuple[int, bytes]:
        while b"\r\n\r\n" not in self._rest:
            self._receive()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split()[1])
        if verb == "HEAD" or status == 204:
            return status, b""
        if "content-length" not in headers:
            raise RequestError(f"{verb}: an answer without Content-Length")
        size = int(headers["content-length"])
        while len(self._rest) < size:
            self._receive()
        content, self._rest = self._rest[:size], self._rest[size:]
        return status, content

    def _receive(self) -> None:
        data = self._socket.recv(1 << 18)
        if not data:
            raise RequestError("the service closed the connection")
        self._rest += data
