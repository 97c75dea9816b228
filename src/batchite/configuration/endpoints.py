"""Where the services of a data directory are reached: chosen once, kept in the directory, reused.

URLs that clients stored and nodes that run on therefore survive a restart.
"""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Literal

import msgspec

FILE_NAME = "endpoints.json"
LOCK_FILE = "lock"
"""Held by the supervisor for as long as the services run."""
BACKLOG = 2048
LOWEST_FREE_PORT = 15000
ATTEMPTS = 100

Service = Literal["batch", "blob"]

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound
"""Addresses that mean "all", and the one to connect to instead."""


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Address and ports; a service that was never started here has none."""

    host: str
    batch_port: int | None = None
    blob_port: int | None = None
    cloud_proxy_port: int | None = None
    """of the proxy by which tasks find the services under the cloud's names"""
    pid: int | None = None
    """the supervisor that wrote this"""
    serving: tuple[Service, ...] = ("batch", "blob")
    """what it was started for; the other's port is kept for when that is started again"""
    public_host: str = ""
    """to be connected to instead of `host`, if there is one"""
    batch_public_url: str = ""
    blob_public_url: str = ""
    """by which clients reach the services through a proxy, if there is one"""
    tls: bool = False
    bundle: str = ""
    """the file by which clients trust the certificate, if they would not without it"""

    def port(self, service: Service) -> int | None:
        return self.batch_port if service == "batch" else self.blob_port

    @property
    def of_those_serving(self) -> Endpoints:
        """As if the services that were not started had never been."""
        ports = {"batch": "batch_port", "blob": "blob_port"}
        absent = {port: None for service, port in ports.items() if service not in self.serving}
        return msgspec.structs.replace(self, **absent)

    def url(self, service: Service) -> str | None:
        """As this machine reaches the service; an address that means "all" is not one to connect to."""
        port = self.port(service)
        host = self.client_host
        scheme = "https" if self.tls else "http"
        return None if port is None else f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def public_url(self, service: Service) -> str | None:
        """As clients reach the service."""
        public = self.batch_public_url if service == "batch" else self.blob_public_url
        url = self.url(service)
        return url and (public or url)

    @property
    def client_host(self) -> str:
        return self.public_host or ANY_ADDRESS.get(self.host, self.host)


def load(data_dir: Path) -> Endpoints | None:
    """What an earlier start chose; None before the first, or if the file cannot be understood."""
    try:
        return msgspec.json.decode((data_dir / FILE_NAME).read_bytes(), type=Endpoints)
    except (FileNotFoundError, ValueError):  # not JSON, or not UTF-8
        return None


def save(endpoints: Endpoints, data_dir: Path) -> None:
    """Replace the stored endpoints; a reader sees the old ones or the new ones."""
    draft = data_dir / f"{FILE_NAME}.new"
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(endpoints)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data_dir / FILE_NAME)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError."""
    return _listen_anywhere(host) if port == 0 else _listen(host, port)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _listen_anywhere(host: str) -> socket.socket:
    """Below the ports that the kernel gives to outgoing connections, as long as there is one.

    A port among those could be taken by somebody's connection while the services are down.
    """
    ports = range(LOWEST_FREE_PORT, _first_ephemeral_port())
    for _ in range(ATTEMPTS if ports else 0):
        port = ports[int.from_bytes(os.urandom(4), "big") % len(ports)]  # `random` loads 5 MB of ciphers
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return _listen(host, 0)


def _first_ephemeral_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return LOWEST_FREE_PORT
