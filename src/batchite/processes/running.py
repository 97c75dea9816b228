"""Running a composed service until it is told to stop.

A process that is told to stop ends the compute nodes in order; one whose supervisor is gone leaves them to
the next start.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

import uvloop

from batchite.configuration.endpoints import Service
from batchite.machine import directory_lock, lines
from batchite.processes.launch import READY, Launch
from batchite.processes.parts import CannotServeError, Parts
from batchite.web import buffers
from batchite.web.listener import Listener

LOCK_FILES: dict[Service, str] = {"batch": "batch.lock", "blob": "blobs.lock"}
PREDECESSOR_SECONDS = 20.0
"""How long to wait for a process of an earlier start to end."""
ORPHAN_SECONDS = 20.0
"""How long a process without supervisor may take to stop."""
End = Literal["stop", "gone"]
Compose: TypeAlias = Callable[[Launch, Sequence[socket.socket]], Awaitable[Parts]]
"""With the sockets that listen beside the service's own"""


def run(launch: Launch, listening: Sequence[socket.socket], compose: Compose) -> None:
    """Returns when the service has stopped; ends the process with a sentence if it cannot be composed, and
    with 1 if not all has ended that was to end."""
    lines.begin(launch.log_level, launch.service)
    buffers.keep_heap()
    lock = Path(launch.data_dir) / LOCK_FILES[launch.service]
    with directory_lock.held(lock, patience=PREDECESSOR_SECONDS):
        try:
            has_ended = uvloop.run(_serve(launch, listening, compose))
        except CannotServeError as error:
            raise SystemExit(f"batchite: {error}") from None
    if not has_ended:
        raise SystemExit(1)


async def _serve(launch: Launch, listening: Sequence[socket.socket], compose: Compose) -> bool:
    end = _watch_supervisor()
    parts = await compose(launch, listening[1:])
    listener = Listener(
        parts.app,
        listening[0],
        trusted_proxies=launch.trusted_proxies,
        errors=parts.app.errors,
        tls=launch.identity.context() if launch.identity else None,
    )
    await parts.start()
    await listener.start()
    gc.freeze()  # what is loaded now stays, next to nothing of it is garbage; collections skip it
    gc.enable()
    with suppress(OSError):  # without a supervisor the service ends anyway
        os.write(sys.stdin.fileno(), READY)
    parts.served()
    how = await end
    has_ended = await parts.stop(how == "stop")
    await listener.stop()
    await parts.close()
    return has_ended


def _watch_supervisor() -> asyncio.Future[End]:
    """Resolved by the word `stop`, by SIGTERM and by the end of standard input."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[End] = loop.create_future()

    def settle(how: End) -> None:
        if not end.done():
            end.set_result(how)

    def read() -> None:
        try:
            word = os.read(sys.stdin.fileno(), 64)
        except OSError:  # how a socket ends whose other side has not read everything
            word = b""
        if not word:  # a loop that hangs must not outlive its supervisor for long
            timer = threading.Timer(ORPHAN_SECONDS, os._exit, (1,))
            timer.daemon = True
            timer.start()
        loop.call_soon_threadsafe(settle, "stop" if word else "gone")

    loop.add_signal_handler(signal.SIGTERM, settle, "gone")
    threading.Thread(target=read, name="supervisor", daemon=True).start()
    return end
