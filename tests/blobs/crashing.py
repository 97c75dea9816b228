"""The service of `server.py` as a process of its own, for tests that kill it.

It begins when it reads a line, prints its URL, and serves until it is killed or its input ends.
"""

import os
import sys
import threading
from asyncio import Event, run
from pathlib import Path

from tests.blobs.server import serving


async def main(data_dir: Path) -> None:
    async with serving(data_dir) as server:
        print(server.url, flush=True)
        await Event().wait()


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__" and sys.stdin.readline():
    threading.Thread(target=end_with_input, daemon=True).start()
    run(main(Path(sys.argv[1])))
