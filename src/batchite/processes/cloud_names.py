"""The ways of tasks by the cloud's names, in the process of the Blob service, to which most of it leads."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from pathlib import Path

from batchite.configuration.accounts import KnownAccounts
from batchite.machine.directory_lock import LockedError
from batchite.machine.extras import MissingPackageError
from batchite.processes.launch import Launch
from batchite.processes.parts import CannotServeError
from batchite.proxy.connection import Leading
from batchite.proxy.listener import Listener
from batchite.proxy.names import Names
from batchite.proxy.outside import Outside
from batchite.proxy.reaching import Services
from batchite.proxy.server import Server
from batchite.tls import authority

log = logging.getLogger(__name__)


async def ways(
    launch: Launch, accounts: KnownAccounts, listening: Sequence[socket.socket]
) -> list[Server | Listener]:
    """The proxy and what hosts files lead to, as there are to be, each on its socket; not yet started. Raises
    CannotServeError."""
    data_dir = Path(launch.data_dir)
    try:
        signer = await asyncio.to_thread(authority.own, data_dir)
    except (OSError, LockedError, MissingPackageError) as error:
        raise CannotServeError(f"the cloud's names cannot be answered for: {error}") from None
    waiting, services = list(listening), Services(data_dir)
    made: list[Server | Listener] = []
    if (told := launch.cloud_proxy) is not None:
        outside = Outside(told.proxies)
        leading = Leading(Names(accounts), services, outside, signer, told.secret, _say)
        made.append(Server(leading, waiting.pop(0)))
    if launch.names_address:
        made.append(Listener(accounts, services, signer, waiting.pop(0), lambda said: _say("", said)))
    return made


def _say(_what: str, sentence: str) -> None:
    log.info("of a task: %s", sentence)
