"""The Blob service, composed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batchite.blobs.app import BlobApp, fallback
from batchite.blobs.content.opening import WrongStorageError, open_storage
from batchite.blobs.content.store import ContentStore
from batchite.blobs.purging import Purging
from batchite.configuration.followed import FollowedAccounts
from batchite.machine.clock import SystemClock
from batchite.processes.launch import Launch
from batchite.processes.parts import CannotServeError, Parts, open_database
from batchite.web import faults
from batchite.web.guard import Guard

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from batchite.proxy.listener import Listener
    from batchite.proxy.server import Server


async def compose(launch: Launch, listening: Sequence[socket.socket] = ()) -> Parts:
    """`listening` are the sockets of the ways by the cloud's names, as there are. Raises CannotServeError."""
    data_dir = Path(launch.data_dir)
    known = FollowedAccounts(data_dir)
    try:
        database, storage = await asyncio.gather(  # both are making files and waiting for the disk
            open_database(data_dir, "blobs"), asyncio.to_thread(open_storage, launch.content, data_dir)
        )
    except WrongStorageError as error:
        raise CannotServeError(str(error)) from None
    content = ContentStore(database, storage)
    clock = SystemClock()
    app = BlobApp(
        database,
        content,
        known,
        clock,
        host_suffixes=launch.host_suffixes,
        web_suffixes=launch.web_suffixes,
        origins=launch.copy_origins,
        portal_origins=launch.portal_origins,
        testing_token=launch.testing_token,
        fidelity=launch.fidelity,
    )
    own: dict[str, ASGIApp] = {faults.PATH: app.faults} if launch.testing_token else {}
    guard = Guard(app, own=own, errors=fallback, hosts=launch.hosts, cors=True)
    purging = Purging(database, content.disposal, clock)

    ways = await _ways(launch, known, listening)

    async def start() -> None:
        await content.start()
        await app.start()
        purging.start()
        for way in ways:
            await way.start()

    async def stop(_end_nodes: bool) -> bool:
        for way in ways:
            await way.stop()
        await purging.stop()
        return True

    async def close() -> None:
        await app.stop()
        await content.close()
        database.close()

    return Parts(guard, start, stop, close)


async def _ways(
    launch: Launch, known: FollowedAccounts, listening: Sequence[socket.socket]
) -> Sequence[Server | Listener]:
    """By the cloud's names, for tasks."""
    if not listening:
        return ()
    from batchite.processes import cloud_names  # only here: few want it

    return await cloud_names.ways(launch, known, listening)
