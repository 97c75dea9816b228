"""Fetching over HTTP: streamed in constant memory, tried again when that may help.

This module is the only reason why an agent ever loads an HTTP client, so it is itself loaded at the
first download.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from batchite.nodes import failures
from batchite.nodes.environment import RESERVED_DISK_BYTES
from batchite.nodes.failures import RunError
from batchite.nodes.threads import in_thread
from batchite.wire.batch.outcome import Failure

T = TypeVar("T")

_CHUNK_BYTES = 1 << 20
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403})
_MISSING = frozenset({404, 410})


class Patience:
    """How often and how long to try; `pause` waits between tries.

    Together the pauses are 13 to 25 seconds, since a Blob service that was killed must have time to
    be back.
    """

    def __init__(
        self,
        tries: int = 8,
        first_pause: float = 0.2,
        silence: float = 60.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.tries = tries
        self.first_pause = first_pause
        self.silence = silence
        self.pause = pause


class _TransientError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class Downloads:
    """HTTP GETs with the operator's proxies and certificates (from the agent's own environment)."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=patience.silence)
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            trust_env=True,
            auto_decompress=False,
            read_bufsize=_CHUNK_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),  # what a server tells one task is not for the next
        )

    async def close(self) -> None:
        await self._session.close()

    async def to_file(self, url: str, descriptor: int) -> None:
        """Write what `url` gives to a file, from its beginning. Raises RunError."""

        async def once(response: aiohttp.ClientResponse) -> None:
            await in_thread(_begin_anew, descriptor)
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                await in_thread(_write_all, descriptor, chunk)

        await self._patiently(url, once)

    async def content(self, url: str, limit: int) -> bytes:
        """What `url` gives, at most `limit` bytes. Raises RunError."""

        async def once(response: aiohttp.ClientResponse) -> bytes:
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                content += chunk
                if len(content) > limit:
                    raise RunError(_misc(url, f"the answer is longer than {limit} bytes"))
            return bytes(content)

        return await self._patiently(url, once)

    async def _patiently(self, url: str, once: Callable[[aiohttp.ClientResponse], Awaitable[T]]) -> T:
        pause = self._patience.first_pause
        for left in range(self._patience.tries - 1, -1, -1):
            try:
                return await self._try(url, once)
            except _TransientError as error:
                if not left:
                    raise RunError(error.failure) from None
            await self._patience.pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries
            pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _try(self, url: str, once: Callable[[aiohttp.ClientResponse], Awaitable[T]]) -> T:
        try:
            async with self._session.get(_as_sent(url), headers={"Accept-Encoding": "identity"}) as response:
                _check(url, response.status)
                return await once(response)
        except TimeoutError:
            raise _TransientError(_timed_out(url)) from None
        except (aiohttp.InvalidURL, ValueError):
            raise RunError(_misc(url, "this is no address to download from")) from None
        except aiohttp.ClientError as error:
            raise _TransientError(_misc(url, str(error) or type(error).__name__)) from None
        except OSError as error:
            failure = failures.of_system(error, "ResourceFileWriteFailed", "writing a resource file")
            raise RunError(failure) from None


def shown(url: str) -> str:
    """The address without its query and user, which are secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _as_sent(url: str) -> URL:
    """Exactly as given, since signatures are over what is sent; only what cannot be sent is encoded."""
    return URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)


def _check(url: str, status: int) -> None:
    if status == 200:
        return
    if status in _MISSING:
        message = "The resource file does not exist. Check its address, or upload it before adding the task."
        raise RunError(failures.user("BlobNotFound", message, **_details(url, status)))
    if status in _DENIED:
        message = (
            "The node may not read the resource file. Give an address with a shared access signature "
            "that permits reading (and listing, for a container) and has not expired."
        )
        raise RunError(failures.user("BlobAccessDenied", message, **_details(url, status)))
    failure = _misc(url, f"the server answered {status}", status)
    raise _TransientError(failure) if status in _TRANSIENT else RunError(failure)


def _misc(url: str, reason: str, status: int | None = None) -> Failure:
    message = f"A resource file could not be downloaded: {reason}."
    return failures.server("BlobDownloadMiscError", message, **_details(url, status))


def _timed_out(url: str) -> Failure:
    message = "The download of a resource file stood still for too long, several times."
    return failures.server("BlobDownloadTimedOut", message, **_details(url, None))


def _details(url: str, status: int | None) -> dict[str, str]:
    return {"HttpUrl": shown(url)} | ({"HttpStatus": str(status)} if status is not None else {})


def _begin_anew(descriptor: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.ftruncate(descriptor, 0)


def _write_all(descriptor: int, chunk: bytes) -> None:
    """Raises OSError also before the disk, which others need too, is quite full."""
    status = os.fstatvfs(descriptor)
    if status.f_bavail * status.f_frsize < RESERVED_DISK_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
