"""The service of `server.py` as a process of its own, for tests that kill it.

For each line that this program reads the service begins once more: a process that is forked with everything
imported, prints its number and its URL, and serves until it is killed, or until the program's input ends.
"""

import os
import signal
import sys
from asyncio import Event, run
from pathlib import Path

from tests.blobs.server import serving


async def serve(data_dir: Path) -> None:
    async with serving(data_dir) as server:
        print(os.getpid(), server.url, flush=True)
        await Event().wait()


def main(data_dir: Path) -> None:
    life = 0
    for _ in sys.stdin:
        if life:
            os.waitpid(life, 0)  # the test has killed it
        life = os.fork()
        if not life:
            run(serve(data_dir))
    if life:
        os.kill(life, signal.SIGKILL)
        os.waitpid(life, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
