"""Posting file content to the service; loaded when the first file is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp


class Transfers:
    """Streams to one-time addresses, each of which is its own permission."""

    def __init__(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def close(self) -> None:
        await self._session.close()

    async def post(self, url: str, content: AsyncIterator[bytes]) -> bool:
        """Whether the service took it."""
        try:
            async with self._session.post(url, data=content, allow_redirects=False) as response:
                return response.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
