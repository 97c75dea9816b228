"""The service of `server.py` as a process of its own, for tests that kill it.

It begins when it reads a line, prints its URL, and serves until it is killed.
"""

import asyncio
import sys
from pathlib import Path

from tests.blobs.server import serving


async def main(data_dir: Path) -> None:
    async with serving(data_dir) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.stdin.readline()
    asyncio.run(main(Path(sys.argv[1])))
