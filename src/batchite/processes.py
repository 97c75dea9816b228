"""The two service processes, each composed of its parts: `python -m batchite.processes`.

The supervisor starts them. Standard input brings one line, the `Launch`, and later the word `stop`;
its end means that the supervisor is gone. Standard output says `ready`. A process that is told to
stop ends the compute nodes in order; one whose supervisor is gone leaves them to the next start.

Each process imports only its own rooms, so the imports are inside the functions that compose.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from batchite import accounts, directory_lock
from batchite.clock import SystemClock
from batchite.endpoints import Service
from batchite.tls import Identity

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from batchite.store.database import Database
    from batchite.web.guard import Guard

LOCK_FILES: dict[Service, str] = {"batch": "batch.lock", "blob": "blobs.lock"}
PREDECESSOR_SECONDS = 20.0
"""How long to wait for a process of an earlier start to end."""
ORPHAN_SECONDS = 20.0
"""How long a process without supervisor may take to stop."""
End = Literal["stop", "gone"]


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a service process is told."""

    service: Service
    listening: int
    """file descriptor of the listening socket, inherited"""
    url: str
    data_dir: str
    environment: dict[str, str]
    trusted_proxies: tuple[str, ...]
    host_suffixes: tuple[str, ...] = ()
    """hosts below one of them name their account"""
    copy_origins: tuple[str, ...] = ()
    """other services that blobs may be copied from"""
    identity: Identity | None = None
    """for HTTPS"""
    log_level: str
    content: str = ""
    """URL of the object store that keeps the bytes of blobs; none: a directory"""


@dataclass(frozen=True, slots=True)
class Parts:
    """A composed service: what it serves, and how it starts and stops beside that."""

    app: Guard
    start: Callable[[], Awaitable[None]]
    stop: Callable[[bool], Awaitable[None]]
    """called with whether to end the compute nodes, while requests are still served"""
    close: Callable[[], Awaitable[None]]
    """called last"""


def main() -> None:
    gc.disable()  # until all is loaded: nothing of it is garbage
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the supervisor's to handle
    launch = msgspec.json.decode(_read_line(sys.stdin.fileno()), type=Launch)
    os.set_inheritable(launch.listening, False)  # a node that held the socket would keep the port taken
    logging.basicConfig(
        level=launch.log_level.upper(),
        format=f"%(asctime)s {launch.service} %(levelname)s %(name)s: %(message)s",
    )
    import uvloop

    lock = Path(launch.data_dir) / LOCK_FILES[launch.service]
    with directory_lock.held(lock, patience=PREDECESSOR_SECONDS):
        uvloop.run(_serve(launch))


def _read_line(descriptor: int) -> bytes:
    """Byte by byte: what follows the line stays in the pipe, for whoever waits for it later."""
    line = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


async def _serve(launch: Launch) -> None:
    from batchite.web.listener import Listener

    end = _watch_supervisor()
    parts = await (_compose_batch if launch.service == "batch" else _compose_blob)(launch)
    listener = Listener(
        parts.app,
        socket.socket(fileno=launch.listening),
        trusted_proxies=launch.trusted_proxies,
        errors=parts.app.errors,
        tls=launch.identity.context() if launch.identity else None,
    )
    await parts.start()
    await listener.start()
    gc.collect()
    gc.freeze()  # what is loaded now stays; collections need not look at it again
    gc.enable()
    _say_ready()
    how = await end
    await parts.stop(how == "stop")
    await listener.stop()
    await parts.close()


def _say_ready() -> None:
    os.write(sys.stdout.fileno(), b"ready\n")


def _watch_supervisor() -> asyncio.Future[End]:
    """Resolved by the word `stop`, by SIGTERM and by the end of standard input."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[End] = loop.create_future()

    def settle(how: End) -> None:
        if not end.done():
            end.set_result(how)

    def read() -> None:
        word = os.read(sys.stdin.fileno(), 64)
        if not word:  # a loop that hangs must not outlive its supervisor for long
            timer = threading.Timer(ORPHAN_SECONDS, os._exit, (1,))
            timer.daemon = True
            timer.start()
        loop.call_soon_threadsafe(settle, "stop" if word else "gone")

    loop.add_signal_handler(signal.SIGTERM, settle, "gone")
    threading.Thread(target=read, name="supervisor", daemon=True).start()
    return end


async def _open_database(data_dir: Path, name: Literal["batch", "blobs"]) -> Database:
    from batchite.store import migrating
    from batchite.store.database import Database

    url = f"sqlite:///{data_dir / name}.db"
    await asyncio.to_thread(migrating.upgrade, url, name)
    return Database(url)


async def _compose_batch(launch: Launch) -> Parts:
    from batchite.batch.app import BatchApp, fallback
    from batchite.dispatch.service import Dispatch
    from batchite.engines.local import LocalEngine
    from batchite.web.guard import Guard

    data_dir, clock = Path(launch.data_dir), SystemClock()
    database, known = await _open_database(data_dir, "batch"), accounts.load(data_dir)
    dispatch = Dispatch(
        database,
        known,
        clock,
        lambda lost: LocalEngine(data_dir / "nodes", lost),
        account_url=launch.url,
        environment=launch.environment,
    )
    suffix = next(iter(launch.host_suffixes), None)
    app = BatchApp(database, known, clock, dispatch, dispatch.files, host_suffix=suffix)
    own: dict[str, ASGIApp] = {"/-/nodes": dispatch.link_app, "/-/transfers": dispatch.transfer_app}

    async def stop(end_nodes: bool) -> None:
        await dispatch.stop(end_nodes=end_nodes)

    async def close() -> None:
        database.close()

    return Parts(Guard(app, own=own, errors=fallback), dispatch.start, stop, close)


async def _compose_blob(launch: Launch) -> Parts:
    from batchite.blobs.app import BlobApp, fallback
    from batchite.blobs.content.opening import WrongStorageError, open_storage
    from batchite.blobs.content.store import ContentStore
    from batchite.blobs.purging import Purging
    from batchite.web.guard import Guard

    data_dir = Path(launch.data_dir)
    database, known = await _open_database(data_dir, "blobs"), accounts.load(data_dir)
    try:
        storage = await asyncio.to_thread(open_storage, launch.content, data_dir)
    except WrongStorageError as error:
        raise SystemExit(f"batchite: {error}") from None
    content = ContentStore(database, storage)
    clock = SystemClock()
    app = BlobApp(
        database, content, known, clock, host_suffixes=launch.host_suffixes, origins=launch.copy_origins
    )
    purging = Purging(database, content.disposal, clock)

    async def start() -> None:
        await content.start()
        await app.start()
        purging.start()

    async def stop(_end_nodes: bool) -> None:
        await purging.stop()

    async def close() -> None:
        await app.stop()
        await content.close()
        database.close()

    return Parts(Guard(app, own={}, errors=fallback), start, stop, close)


if __name__ == "__main__":
    main()
