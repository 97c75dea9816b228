"""A service process: `python -m batchite.processes batch|blob`.

Most of the time of a start goes into imports, so the supervisor starts this process before it knows with
what: everything is imported first, and nothing is touched before the `Launch` has come.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchite.processes.running import Compose


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the supervisor's to handle
    gc.disable()  # until all is loaded: nothing of it is garbage
    from batchite.processes import launch, running

    compose = _composer(sys.argv[1])
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as channel:
        received = launch.receive(channel)
    if received is not None:
        running.run(*received, compose)


def _composer(service: str) -> Compose:
    """Imports what this service needs and the other does not."""
    if service == "batch":
        from batchite.processes import batch

        return batch.compose
    from batchite.processes import blob

    return blob.compose


if __name__ == "__main__":
    main()
