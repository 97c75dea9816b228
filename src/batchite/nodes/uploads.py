"""Putting files into containers over HTTP: in constant memory, in blocks where they are large, tried again
when that may help.

As `downloads`, loaded when there is something to upload.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from batchite.nodes import failures
from batchite.nodes.failures import RunError
from batchite.nodes.own_blobs import OwnBlobs
from batchite.nodes.patience import Patience
from batchite.nodes.shown import shown
from batchite.nodes.threads import in_thread
from batchite.nodes.together import together
from batchite.wire.batch.outcome import Failure

BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Larger files go in blocks of this size, or of more where there would be too many."""
MAX_BLOCKS: Final = 50_000
AT_ONCE: Final = 6
"""Requests of a node that are under way at the same time; so many blocks are in its memory."""
BLOCKS_AT_ONCE: Final = 4
"""of a file"""
_VERSION: Final = "2021-08-06"
_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
_DENIED: Final = frozenset({401, 403})
_CREATED: Final = 201
_MISSING: Final = 404
_CONTENT: Final = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
    }
)
"""Headers about a blob's content, which have a name of their own where they are not about the request's."""
_EVERYWHERE: Final = ("x-ms-encryption-", "x-ms-lease-id", "x-ms-client-request-id")
"""What the headers begin with that requests for blocks need, too."""


class Uploads:
    """HTTP PUTs with the operator's proxies and certificates. An answer that leads elsewhere is a failure."""

    def __init__(self, own_blobs: OwnBlobs, patience: Patience) -> None:
        self._own_blobs = own_blobs
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=patience.silence)
        self._session = aiohttp.ClientSession(
            timeout=timeout, trust_env=True, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        await self._session.close()

    async def put(
        self, container_url: str, name: str, descriptor: int, size: int, headers: Mapping[str, str]
    ) -> None:
        """So many first bytes of a file, as the blob of this name; fewer, where it has become shorter. Raises
        RunError."""
        own = _of_blob(headers)
        if size <= BLOCK_BYTES:
            async with self._turns:
                content = await in_thread(_read, descriptor, 0, size)
                await self._send(container_url, name, {}, content, {"x-ms-blob-type": "BlockBlob", **own})
            return
        starts = range(0, size, block_bytes(size))
        ids = [base64.b64encode(b"%08d" % number).decode() for number in range(len(starts))]
        of_blocks = {key: value for key, value in own.items() if key.startswith(_EVERYWHERE)}

        async def blocks() -> AsyncIterator[Coroutine[None, None, None]]:
            for id_, start in zip(ids, starts, strict=True):
                length = min(starts.step, size - start)
                query = {"comp": "block", "blockid": id_}
                yield self._send_part(container_url, name, query, descriptor, start, length, of_blocks)

        await together(blocks(), BLOCKS_AT_ONCE)
        content = "".join(_block_list(ids)).encode()
        async with self._turns:
            await self._send(container_url, name, {"comp": "blocklist"}, content, own)

    async def _send_part(
        self,
        container_url: str,
        name: str,
        query: Mapping[str, str],
        descriptor: int,
        start: int,
        length: int,
        headers: Mapping[str, str],
    ) -> None:
        async with self._turns:
            content = await in_thread(_read, descriptor, start, length)
            await self._send(container_url, name, query, content, headers)

    async def _send(
        self,
        container_url: str,
        name: str,
        query: Mapping[str, str],
        content: bytes,
        headers: Mapping[str, str],
    ) -> None:
        failed = 0
        while (failure := await self._try(container_url, name, query, content, headers)) is not None:
            count = await self._patience.after(failed + 1)
            if count is None:
                raise RunError(failure)
            failed = count

    async def _try(
        self,
        container_url: str,
        name: str,
        query: Mapping[str, str],
        content: bytes,
        headers: Mapping[str, str],
    ) -> Failure | None:
        """A failure that may pass; RunError is raised for one that stays."""
        try:
            place, own = self._own_blobs.way(_address(container_url, name, query))
            sent = {"Content-Type": "application/octet-stream", **headers, "x-ms-version": _VERSION, **own}
            request = self._session.put(
                URL(place, encoded=True), data=content, headers=sent, allow_redirects=False
            )
            async with request as response:
                return _judged(container_url, response)
        except TimeoutError:
            return _failure(container_url, "it stood still for too long")
        except (aiohttp.InvalidURL, ValueError):
            raise RunError(_failure(container_url, "this is no address to upload to")) from None
        except aiohttp.ClientError as error:
            return _failure(container_url, str(error) or type(error).__name__)
        except OSError as error:
            raise RunError(_failure(container_url, error.strerror or str(error))) from None


def block_bytes(size: int) -> int:
    """Of the blocks of so large a file."""
    least = -(-size // MAX_BLOCKS)
    return max(BLOCK_BYTES, -(-least // BLOCK_BYTES) * BLOCK_BYTES)


def _of_blob(headers: Mapping[str, str]) -> dict[str, str]:
    """By lower names, those about content as a blob has them: they hold however it is put together."""
    named = ((name.lower(), value) for name, value in headers.items())
    return {f"x-ms-blob-{name}" if name in _CONTENT else name: value for name, value in named}


def _address(container_url: str, name: str, query: Mapping[str, str]) -> str:
    """Of a blob, with what the container's address says for itself. Raises ValueError."""
    parts = urlsplit(container_url)
    more = [f"{key}={quote(value, safe='')}" for key, value in query.items()]
    joined = "&".join(filter(None, (parts.query, *more)))
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{quote(name)}", joined, ""))


def _judged(url: str, response: aiohttp.ClientResponse) -> Failure | None:
    status = response.status
    if status == _CREATED:
        return None
    details = {"HttpUrl": shown(url), "HttpStatus": str(status)}
    if status in _DENIED:
        message = (
            "The node may not write there. Give an address with a shared access signature that "
            "permits creating and writing blobs, and that has not expired."
        )
        raise RunError(failures.user("FileUploadAccessDenied", message, **details))
    if status == _MISSING:
        message = "The container does not exist. Make it, and try again."
        raise RunError(failures.user("FileUploadContainerNotFound", message, **details))
    code = response.headers.get("x-ms-error-code", "")
    failure = _failure(url, f"the server answered {status}{code and f' ({code})'}", HttpStatus=str(status))
    if status in _TRANSIENT:
        return failure
    raise RunError(failure)


def _failure(url: str, reason: str, **details: str) -> Failure:
    message = f"The upload failed: {reason}."
    return failures.server("FileUploadMiscError", message, HttpUrl=shown(url), **details)


def _read(descriptor: int, start: int, length: int) -> bytes:
    """Less where the file has become shorter."""
    parts = []
    while length > 0 and (part := os.pread(descriptor, length, start)):
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _block_list(ids: Sequence[str]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?><BlockList>'
    yield from (f"<Latest>{one}</Latest>" for one in ids)
    yield "</BlockList>"
