"""The Batch service, composed."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batchite.batch import absent, supported
from batchite.batch.app import BatchApp, fallback
from batchite.batch.authentication import Keys
from batchite.batch.feed import api as events
from batchite.batch.feed.service import Feed
from batchite.batch.own import OwnApp
from batchite.batch.services import Services
from batchite.configuration.followed import FollowedAccounts
from batchite.dispatch.service import Dispatch
from batchite.engines.registry import Engines, kinds
from batchite.images.node_images import NodeImages
from batchite.machine.clock import SystemClock
from batchite.processes import portal
from batchite.processes.late import Late
from batchite.processes.launch import Launch
from batchite.processes.parts import Parts, open_database
from batchite.proxy import names
from batchite.web import faults
from batchite.web.guard import Guard

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def compose(launch: Launch, _listening: Sequence[socket.socket] = ()) -> Parts:
    """Raises CannotServeError."""
    data_dir, clock = Path(launch.data_dir), SystemClock()
    database, known = await open_database(data_dir, "batch"), FollowedAccounts(data_dir)
    dispatch = Dispatch(
        database,
        known,
        clock,
        lambda lost: Engines(kinds(launch.isolation), data_dir, lost),
        service_url=launch.url,
        account_url=launch.hosts.public or launch.url,
        environment=launch.environment,
        node_image=NodeImages(data_dir, launch.images).of,
        max_nodes=launch.max_nodes,
        blob_url=launch.own_blob_url,
        hosts=lambda: names.hosts(known, launch.names_address) if launch.names_address else (),
        authorities=launch.authorities,
        fidelity=launch.fidelity,
        lease=None,  # the data directory is locked: nobody else has this database
    )
    app = BatchApp(
        database,
        known,
        clock,
        dispatch,
        dispatch.files,
        host_suffixes=launch.host_suffixes,
        testing_token=launch.testing_token,
    )
    feed = Feed(database, clock, events=launch.events_kept, hours=launch.events_hours)
    ours = OwnApp(feed.endpoints, Keys(known, launch.host_suffixes, clock), clock)
    own: dict[str, ASGIApp] = {
        events.PATH: ours,
        "/-/nodes": dispatch.link_app,
        "/-/transfers": dispatch.transfer_app,
        absent.PAGE: supported.page,
        portal.DOCS_PATH: Late(lambda: portal.make_docs(launch)),
        **dict.fromkeys(app.own.prefixes, app.own),
        **({faults.PATH: app.faults} if launch.testing_token else {}),
    }
    services = Services(database, known, clock, dispatch, dispatch.files)
    pages = Late(lambda: portal.make(launch, services, feed.tail))
    if launch.portal != portal.OFF:
        own[portal.PATH] = pages

    async def start() -> None:
        await dispatch.start()
        await feed.start()

    async def stop(end_nodes: bool) -> bool:
        has_ended = await dispatch.stop(end_nodes)
        await feed.stop()
        if dispatch.interrupted:
            what = f"{dispatch.interrupted} running task{'s' if dispatch.interrupted > 1 else ''}"
            print(f"{what} will run again at the next start.", file=sys.stderr, flush=True)
        return has_ended

    async def close() -> None:
        if pages.app is not None:
            await pages.app.close()
        database.close()

    guard = Guard(app, own=own, errors=fallback, hosts=launch.hosts)
    return Parts(guard, start, stop, close)
