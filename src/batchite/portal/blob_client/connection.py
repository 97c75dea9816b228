"""Signed requests to a Blob service, ours or another, over HTTP as any client makes them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

from batchite.portal.blob_client import documents, problems
from batchite.portal.blob_client.documents import Malformed
from batchite.portal.blob_client.problems import StorageProblem
from batchite.wire.blob import dates
from batchite.wire.signing import storage_key
from batchite.wire.signing.storage_key import Signed
from batchite.wire.ticks import Clock

if TYPE_CHECKING:
    import ssl

    import aiohttp

VERSION = "2022-11-02"
"""of the protocol: one that every service of these years speaks"""
CHUNK_BYTES = 256 * 1024
CONNECT_SECONDS = 15
SILENCE_SECONDS = 120
MOST_CONNECTIONS = 64
MOST_OF_ERRORS = 64 * 1024

Body: TypeAlias = "bytes | AsyncIterator[bytes | memoryview]"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a Blob service. `url` is what is before the container, as this process reaches it."""

    name: str
    key: bytes
    url: str
    is_far: bool = False
    """of another service, so that the proxies of the environment are meant for it"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. Names of `headers` are in lower case, but for those of metadata."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    async def content(self, limit: int) -> bytes:
        """All of it. Raises StorageProblem if it is longer."""
        found = bytearray()
        async for chunk in self.chunks:
            found += chunk
            if len(found) > limit:
                raise StorageProblem(502, f"The Blob service's answer is longer than {limit:,} bytes.")
        return bytes(found)


class Connection:
    """To any number of services; `authority` is a file by which they are trusted beside those that the
    system trusts. Call `close` at the end."""

    def __init__(self, clock: Clock, authority: str = "") -> None:
        self._clock = clock
        self._authority = authority
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """by whether they go through proxies"""

    async def close(self) -> None:
        while self._sessions:
            await self._sessions.popitem()[1].close()

    @asynccontextmanager
    async def ask(
        self,
        account: Account,
        verb: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        length: int | None = None,
    ) -> AsyncIterator[Answer]:
        """`path` is that below the account's URL, encoded; `length` is that of a body in pieces.

        Raises StorageProblem for whatever is no success, also while chunks are read.
        """
        _check_headers(headers or {})
        import aiohttp  # only here: most who look at the portal never look at blobs
        from yarl import URL

        session = self._sessions.get(account.is_far)
        if session is None:
            session = self._sessions[account.is_far] = self._open(account.is_far)
        size = len(body) if isinstance(body, bytes) else length
        sent = self._signed(account, verb, path, query, {**(headers or {}), "Content-Length": str(size)})
        target = URL(f"{account.url}{path}{_query(query)}", encoded=True)
        has_begun = False
        try:
            async with session.request(
                verb, target, headers=sent, data=body or None, allow_redirects=False
            ) as response:
                has_begun = True
                if not 200 <= response.status < 300:
                    raise await _refusal(response)
                told = {_spelled(name): value for name, value in response.headers.items()}
                yield Answer(response.status, told, response.content.iter_chunked(CHUNK_BYTES))
        except aiohttp.ClientResponseError as error:  # its own text has the URL
            raise problems.broken_off(account.url, f"its answer is no HTTP, {error.message}") from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            problem = problems.broken_off if has_begun else problems.unreachable
            raise problem(account.url, _reason(error)) from None

    def _signed(
        self, account: Account, verb: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, str]:
        date = dates.http_date(self._clock.wall().ticks)
        given = {"x-ms-date": date, "x-ms-version": VERSION, "Accept-Encoding": "identity", **headers}
        lower = {name.lower(): value.strip() for name, value in given.items()}
        raw_path = f"{urlsplit(account.url).path}{path}"
        request = Signed(verb, raw_path, tuple(query.items()), lower)
        text = next(iter(storage_key.strings_to_sign(request, account.name)))
        signature = storage_key.sign(account.key, text).decode()
        return {**given, "Authorization": f"SharedKey {account.name}:{signature}"}

    def _open(self, is_far: bool) -> aiohttp.ClientSession:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS, ssl=self._trust()),
            timeout=timeout,
            trust_env=is_far,
            auto_decompress=False,
            skip_auto_headers=("Content-Type", "User-Agent"),
            read_bufsize=CHUNK_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _trust(self) -> ssl.SSLContext | bool:
        """True: as the system does."""
        if not self._authority:
            return True
        import ssl

        context = ssl.create_default_context()
        context.load_verify_locations(self._authority)
        return context


def _reason(error: Exception) -> str:
    """In words, without the names of our library."""
    if isinstance(error, TimeoutError):
        return "it was silent for too long"
    cause = getattr(error, "os_error", error)  # a connection that could not be made tells why
    number = getattr(cause, "errno", None)
    return os.strerror(number).lower() if number and number > 0 else str(cause) or type(error).__name__


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raises StorageProblem for what would end a header, or is none."""
    for name, value in headers.items():
        if not value.isprintable():
            raise StorageProblem(400, f"{name} is {value[:80]!r}: no header can carry that.")


def _query(query: Mapping[str, str]) -> str:
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return f"?{pairs}" if pairs else ""


def _spelled(name: str) -> str:
    lower = name.lower()
    prefix = "x-ms-meta-"
    return prefix + name[len(prefix) :] if lower.startswith(prefix) else lower


async def _refusal(response: aiohttp.ClientResponse) -> StorageProblem:
    document = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        document += chunk
        if len(document) > MOST_OF_ERRORS:
            document.clear()
            break
    code, message, reason = response.headers.get("x-ms-error-code", ""), "", ""
    try:
        error = documents.read(bytes(document), "Error")
        code, message = code or error.value("Code").strip(), error.value("Message").strip()
        reason = error.value("Reason").strip()
    except Malformed:  # HEAD has none, and proxies have pages of their own
        pass
    if response.status == 404 and not code:
        code = "BlobNotFound" if response.method == "HEAD" else ""
    return problems.refused(response.status, code, message.partition("\n")[0], reason)
