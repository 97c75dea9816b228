"""Gets a URL with httpx, in both of its ways: `with_httpx.py URL`."""

import asyncio
import json
import sys

import httpx


async def at_once(url: str) -> int:
    async with httpx.AsyncClient() as client:
        return len((await client.get(url)).content)


print(json.dumps({"sync": len(httpx.get(sys.argv[1]).content), "async": asyncio.run(at_once(sys.argv[1]))}))
