"""Fetching over HTTP: streamed in constant memory, tried again when that may help.

This module is the only reason why an agent ever loads an HTTP client, so it is itself loaded at the
first download.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
from yarl import URL

from batchite.nodes import failures
from batchite.nodes.environment import RESERVED_DISK_BYTES
from batchite.nodes.failures import RunError, Source
from batchite.nodes.patience import Patience
from batchite.nodes.shown import shown
from batchite.nodes.threads import in_thread
from batchite.wire.batch.outcome import Failure

T = TypeVar("T")

Way = Callable[[str], tuple[str, dict[str, str]]]
"""Where to ask for what is at a URL, and headers to ask with; raises ValueError for what is no URL."""

_CHUNK_BYTES = 1 << 20
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403})
_MISSING = frozenset({404, 410})


class _TransientError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class Downloads:
    """HTTP GETs with the operator's proxies and certificates (from the agent's own environment)."""

    def __init__(self, patience: Patience, way: Way, *, trust_env: bool = True) -> None:
        """`trust_env`: the environment's proxies are on the way."""
        self._patience = patience
        self._way = way
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=patience.silence)
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            trust_env=trust_env,
            auto_decompress=False,
            read_bufsize=_CHUNK_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),  # what a server tells one task is not for the next
        )

    async def close(self) -> None:
        await self._session.close()

    async def to_file(self, url: str, descriptor: int, source: Source = failures.FILE) -> None:
        """Write what `url` gives to a file, from its beginning. Raises RunError."""

        async def once(response: aiohttp.ClientResponse) -> None:
            await in_thread(_begin_anew, descriptor)
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                await in_thread(_write_all, descriptor, chunk)

        await self._patiently(url, source, once)

    async def content(self, url: str, source: Source, limit: int) -> bytes:
        """What `url` gives, at most `limit` bytes. Raises RunError with a code of the source."""

        async def once(response: aiohttp.ClientResponse) -> bytes:
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                content += chunk
                if len(content) > limit:
                    raise RunError(_other(url, source, f"the answer is longer than {limit} bytes"))
            return bytes(content)

        return await self._patiently(url, source, once)

    async def _patiently(
        self, url: str, source: Source, once: Callable[[aiohttp.ClientResponse], Awaitable[T]]
    ) -> T:
        failed = 0
        while True:
            try:
                return await self._try(url, source, once)
            except _TransientError as error:
                count = await self._patience.after(failed + 1)
                if count is None:
                    raise RunError(error.failure) from None
                failed = count

    async def _try(
        self, url: str, source: Source, once: Callable[[aiohttp.ClientResponse], Awaitable[T]]
    ) -> T:
        try:
            place, headers = self._way(url)
            headers["Accept-Encoding"] = "identity"
            async with self._session.get(_as_sent(place), headers=headers) as response:
                _check(url, source, response.status)
                return await once(response)
        except TimeoutError:
            raise _TransientError(_timed_out(url, source)) from None
        except (aiohttp.InvalidURL, ValueError):
            raise RunError(_other(url, source, "this is no address to download from")) from None
        except aiohttp.TooManyRedirects as error:
            reason = f"it leads on to another address {len(error.history)} times, perhaps in a circle"
            raise RunError(_other(url, source, reason)) from None
        except aiohttp.ClientError as error:
            raise _TransientError(_other(url, source, str(error) or type(error).__name__)) from None
        except OSError as error:
            failure = failures.of_system(error, "ResourceFileWriteFailed", f"writing the {source.what}")
            raise RunError(failure) from None


def _as_sent(url: str) -> URL:
    """Exactly as given, since signatures are over what is sent; only what cannot be sent is encoded."""
    return URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)


def _check(url: str, source: Source, status: int) -> None:
    if status == 200:
        return
    if status in _MISSING:
        message = f"The {source.what} does not exist. {source.if_missing}"
        raise RunError(failures.user(source.missing, message, **_details(url, status)))
    if status in _DENIED:
        message = f"The node may not read the {source.what}. {source.if_denied}"
        raise RunError(failures.user(source.denied, message, **_details(url, status)))
    failure = _other(url, source, f"the server answered {status}", status)
    raise _TransientError(failure) if status in _TRANSIENT else RunError(failure)


def _other(url: str, source: Source, reason: str, status: int | None = None) -> Failure:
    message = f"The {source.what} could not be downloaded: {reason}."
    return failures.server(source.other, message, **_details(url, status))


def _timed_out(url: str, source: Source) -> Failure:
    message = f"The download of the {source.what} stood still for too long, several times."
    return failures.server(source.timed_out, message, **_details(url, None))


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
