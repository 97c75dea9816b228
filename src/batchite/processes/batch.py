"""The Batch service, composed."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from batchite.batch import supported
from batchite.batch.app import BatchApp, fallback
from batchite.batch.authentication import Keys
from batchite.batch.feed import api as events
from batchite.batch.feed.service import Feed
from batchite.batch.own import OwnApp
from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.followed import FollowedAccounts
from batchite.dispatch.packages import NodePackages
from batchite.dispatch.service import Dispatch
from batchite.engines.registry import Engines, kinds
from batchite.images.node_images import LAYERS, NodeImages
from batchite.link.packages import PACKAGES
from batchite.link.spec import Authority
from batchite.machine.clock import SystemClock
from batchite.processes import portal
from batchite.processes.late import Late
from batchite.processes.launch import Launch
from batchite.processes.parts import Parts, open_database
from batchite.proxy import names
from batchite.store.batch import applications
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.tls import authority
from batchite.tls.subject_hash import subject_hash
from batchite.web import faults
from batchite.web.guard import Guard
from batchite.wire import cloud
from batchite.wire.ticks import Clock

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)


def _host_lines(launch: Launch, accounts: KnownAccounts) -> Callable[[], tuple[str, ...]]:
    """Of nodes that have a hosts file of their own."""
    if not launch.names_address:
        return tuple
    own = cloud.batch_region(urlsplit(launch.hosts.public).hostname or "")
    regions = (*launch.cloud_regions, *filter(None, [own]))
    return names.HostLines(accounts, launch.names_address, regions)


def _authority(data_dir: Path) -> Authority | None:
    """Of the data directory, for nodes that have a system of their own; the supervisor has made it."""
    try:
        pem = (authority.place(data_dir) / authority.AUTHORITY).read_text()
        return Authority(pem, subject_hash(pem))
    except (OSError, ValueError) as error:
        log.warning("nodes do not trust the cloud's names by themselves: %s", error)
        return None


def _tidy(data_dir: Path) -> None:
    """While no node is being started."""
    if (data_dir / LAYERS).exists():
        from batchite.images import unused  # only here: few services have layers, and a start is imports

        unused.remove_layers(data_dir)


def _dispatch(launch: Launch, database: Database, known: KnownAccounts, clock: Clock) -> Dispatch:
    data_dir = Path(launch.data_dir)
    return Dispatch(
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
        hosts=_host_lines(launch, known),
        authority=_authority(data_dir) if launch.names_address else None,
        authorities=launch.authorities,
        fidelity=launch.fidelity,
        scheduling=launch.scheduling,
        lease=None,  # the data directory is locked: nobody else has this database
    )


async def compose(launch: Launch, _listening: Sequence[socket.socket] = ()) -> Parts:
    """Raises CannotServeError."""
    data_dir, clock = Path(launch.data_dir), SystemClock()
    database, known = await open_database(data_dir, "batch"), FollowedAccounts(data_dir)
    packages = PackageFiles(data_dir)
    dispatch = _dispatch(launch, database, known, clock)
    app = BatchApp(
        database,
        known,
        clock,
        dispatch,
        dispatch.files,
        packages,
        fidelity=launch.fidelity,
        scheduling=launch.scheduling,
        host_suffixes=launch.host_suffixes,
        testing_token=launch.testing_token,
    )
    feed = Feed(database, clock, events=launch.events_kept, hours=launch.events_hours)
    ours = OwnApp(feed.endpoints, Keys(known, launch.host_suffixes, clock), clock)
    own: dict[str, ASGIApp] = {
        events.PATH: ours,
        "/-/nodes": dispatch.link_app,
        "/-/transfers": dispatch.transfer_app,
        PACKAGES: NodePackages(database, packages),
        supported.PAGE: supported.page,
        portal.DOCS_PATH: Late(lambda: portal.make_docs(launch)),
        **dict.fromkeys(app.own.prefixes, app.own),
        **({faults.PATH: app.faults} if launch.testing_token else {}),
    }
    pages = Late(lambda: portal.make(launch, app.services, feed.tail))
    if launch.portal != portal.OFF:
        own[portal.PATH] = pages

    async def start() -> None:
        await asyncio.to_thread(_tidy, data_dir)
        await asyncio.to_thread(packages.tidy, await database.read(applications.digests))
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
    return Parts(guard, start, stop, close, dispatch.prepare)
