"""The events of pages that follow what they show."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from tests.portal.service import Browser
from yarl import URL

DEADLINE = 60


class Stream:
    """The events of one page."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self._content = response.content

    async def next(self) -> dict[str, str]:
        """The next event, without comments."""
        async with asyncio.timeout(DEADLINE):
            while True:
                block = (await self._content.readuntil(b"\n\n")).decode()
                fields: dict[str, list[str]] = {}
                for line in block.strip("\n").split("\n"):
                    name, _, value = line.partition(":")
                    fields.setdefault(name, []).append(value.removeprefix(" "))
                if set(fields) != {""}:
                    return {name: "\n".join(values) for name, values in fields.items()}

    async def begins(self) -> None:
        async with asyncio.timeout(DEADLINE):
            await self._content.readuntil(b"\n\n")

    async def ends(self) -> bool:
        async with asyncio.timeout(DEADLINE):
            return await self._content.read() is not None


@asynccontextmanager
async def following(browser: Browser, target: str, **headers: str) -> AsyncIterator[Stream]:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    told = {"cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with browser.api.session.get(URL(browser.url + target, encoded=True), headers=told) as response:
        yield Stream(response)


def stream_of(page: str) -> str:
    """The URL that the page follows."""
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")
