"""Other services that blobs may be copied from: an allow-list, and reading from what is on it.

Nothing is fetched from anywhere else, and no redirect is followed, so that nobody can use this service
to reach what only it can reach.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import known_name

if TYPE_CHECKING:
    import aiohttp

ANY = "*"
CHUNK_BYTES = 512 * 1024
CONNECT_SECONDS = 15
SILENCE_SECONDS = 60
_PLAIN = re.compile(r"[A-Za-z0-9._-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of another service; header names are in lower case, but for those of metadata."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class OriginFailed(Exception):  # noqa: N818 - a state of another service, not a mistake
    """It cannot be reached, or stopped in the middle."""


def origin(url: str) -> str:
    """`scheme://host:port`. Raises ValueError if the URL has none."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    if not _PLAIN.fullmatch(parts.netloc) or _CONTROL.search(url):  # others may read such a URL differently
        raise ValueError("must have a plain host name or address, without user name or control characters")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


class Origins:
    """`allowed` are origins such as `https://example.org`, or `*` for all. Call `close` at the end."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._any = ANY in allowed
        self._allowed = frozenset(origin(url) for url in allowed if url != ANY)
        self._session: aiohttp.ClientSession | None = None

    def check(self, url: str) -> None:
        """Raises BlobError CannotVerifyCopySource (403)."""
        if not self._any and origin(url) not in self._allowed:
            reason = f"{origin(url)} is not among the origins to copy from; see the setting copy_origins"
            raise cannot_verify(403, reason)

    @asynccontextmanager
    async def fetch(self, verb: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[Fetched]:
        """Ask an origin on the list. Raises BlobError, and OriginFailed, also while chunks are read."""
        self.check(url)
        import aiohttp
        from yarl import URL

        session = self._session
        if session is None:
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            )
            session = self._session = aiohttp.ClientSession(
                timeout=timeout,
                auto_decompress=False,
                read_bufsize=CHUNK_BYTES,
                cookie_jar=aiohttp.DummyCookieJar(),  # what one client is told is not for the next
            )
        sent = {"Accept-Encoding": "identity", **headers}
        try:
            target = URL(url, encoded=True)
        except ValueError as error:
            raise OriginFailed(str(error)) from None
        try:
            async with session.request(verb, target, headers=sent, allow_redirects=False) as response:
                lower = {known_name(name): value for name, value in response.headers.items()}
                yield Fetched(response.status, lower, response.content.iter_chunked(CHUNK_BYTES))
        except aiohttp.ClientPayloadError:
            raise OriginFailed("the source ended before all had come that it had announced") from None
        except aiohttp.ClientResponseError as error:  # its own text has the URL, and so the signature
            raise OriginFailed(f"the source's answer is no HTTP: {error.message}") from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise OriginFailed(str(error) or type(error).__name__) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def cannot_verify(status: int, message: str, code: str = "", reason: str = "") -> BlobError:
    """The source of a copy cannot be read; status, message and code are what reading it answered, and the
    reason what the source says besides."""
    details = [("CopySourceStatusCode", str(status)), ("CopySourceErrorMessage", message)]
    headers = [("x-ms-copy-source-status-code", str(status))]
    if code:
        details.append(("CopySourceErrorCode", code))
        headers.append(("x-ms-copy-source-error-code", code))
    if reason:
        details.append(("Reason", reason))
    return BlobError(
        "CannotVerifyCopySource", message, details=tuple(details), headers=tuple(headers), status=status
    )
