"""What there has to be so that tasks find the services by the cloud's names, where the settings want that."""

from __future__ import annotations

import logging
import os
import socket
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

from batchite.configuration import cloud_proxy, endpoints
from batchite.configuration.cloud_proxy import CloudProxy
from batchite.configuration.endpoints import Endpoints, Service
from batchite.configuration.settings import Settings
from batchite.machine import extras
from batchite.proxy import variables
from batchite.tls.identity import TlsError, trusting

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
HTTPS = 443
NEEDS_BLOBS = (
    "cloud_names = true needs the Blob service, which has the proxy for it, in the same `batchite serve`. "
    "Start both services, or give --no-cloud-names."
)


def are_wanted(settings: Settings, services: Collection[Service]) -> bool:
    """Whether there are to be nodes with them. Raises ValueError if that cannot be."""
    if not settings.cloud_names or "batch" not in services:
        return False
    if "blob" not in services:
        raise ValueError(NEEDS_BLOBS)
    return True


def proxy(settings: Settings, port: int) -> CloudProxy:
    """Raises OSError."""
    return CloudProxy(port, cloud_proxy.secret(settings.data_dir), cloud_proxy.proxies(settings.environment))


def listen(data_dir: Path) -> socket.socket | None:
    """Where the hosts files of nodes lead: a loopback address that is most likely this directory's alone, at
    the port of HTTPS. None if that cannot be had, and the nodes do without."""
    number = zlib.crc32(os.fsencode(data_dir.resolve()))
    address = f"127.{64 + number % 64}.{number // 64 % 256}.{1 + number // 16384 % 254}"
    try:
        extras.require("trustme", "Answering for the cloud's names")
        return endpoints.listen(address, HTTPS)
    except (OSError, extras.MissingPackageError) as error:
        log.warning("nodes have no names of the cloud in their hosts files: %s", error)
        return None


def environment(
    settings: Settings, chosen: Endpoints, proxy: CloudProxy | None, *, in_hosts: bool = False
) -> dict[str, str]:
    """Of every task, before its own settings; `in_hosts`: the names stand in hosts files. Raises TlsError."""
    given = trusting(chosen.bundle) | settings.environment
    if proxy is None:
        return given | trusting(_bundle(settings.data_dir, given)) if in_hosts else given
    url = variables.url(proxy.port, proxy.secret)
    reached = {
        **given,
        variables.EXCEPTIONS[0]: f"{given.get(variables.EXCEPTIONS[0], '')},{chosen.client_host}",
    }
    return given | variables.through(url, _bundle(settings.data_dir, given), reached, offline=False)


def authorities(settings: Settings, environment: Mapping[str, str]) -> str:
    """The file of the data directory that an environment names for what is to be trusted; else empty."""
    ours = str(settings.data_dir.absolute()) + "/"
    return next((file for file in variables.trusted_files(environment) if file.startswith(ours)), "")


def _bundle(data_dir: Path, given: Mapping[str, str]) -> str:
    """The file by which tasks trust the proxy's certificates, and whatever they would trust without."""
    from batchite.machine.directory_lock import LockedError
    from batchite.tls import certificates  # only here: it loads a library of ciphers

    try:
        return certificates.write_cloud_bundle(data_dir, variables.trusted_files(given))
    except (OSError, LockedError, extras.MissingPackageError) as error:
        raise TlsError(f"The cloud's names cannot be answered for: {error}") from None
