"""The proxy of tasks, in the process of the Blob service, to which most of what it is asked for leads."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.cloud_proxy import CloudProxy
from batchite.machine.directory_lock import LockedError
from batchite.machine.extras import MissingPackageError
from batchite.processes.parts import CannotServeError
from batchite.proxy.connection import Leading
from batchite.proxy.names import Names
from batchite.proxy.outside import Outside
from batchite.proxy.reaching import Services
from batchite.proxy.server import Server
from batchite.tls import authority

log = logging.getLogger(__name__)


async def server(
    told: CloudProxy, data_dir: Path, accounts: KnownAccounts, listening: socket.socket
) -> Server:
    """Not yet started. Raises CannotServeError."""
    try:
        signer = await asyncio.to_thread(authority.own, data_dir)
    except (OSError, LockedError, MissingPackageError) as error:
        raise CannotServeError(f"the cloud's names cannot be answered for: {error}") from None
    outside = Outside(told.proxies)
    leading = Leading(Names(accounts), Services(data_dir), outside, signer, told.secret, _say)
    return Server(leading, listening)


def _say(_what: str, sentence: str) -> None:
    log.info("of a task: %s", sentence)
