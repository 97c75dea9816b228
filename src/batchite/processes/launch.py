"""What a service process is told when it is to begin, and how.

Supervisor and process speak over a socket, the standard input of the process. The listening sockets come
with one byte, then a line, the `Launch`; later perhaps the word `stop`. The process says `ready` once. The
end of the socket means that the other one is gone.
"""

from __future__ import annotations

import os
import socket

import msgspec

from batchite.configuration.cloud_proxy import CloudProxy
from batchite.configuration.endpoints import Service
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.images import ImageRule
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.link.machines import PROCESSES, Isolation
from batchite.tls.identity import Identity
from batchite.web.hosts import LOCAL_HOSTS, Hosts

READY = b"ready\n"
STOP = b"stop\n"
MOST_SOCKETS = 3
"""The service's, that of the proxy of tasks, and that to which hosts files lead."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a service process is told."""

    service: Service
    url: str
    data_dir: str
    environment: dict[str, str]
    """of tasks"""
    authorities: str = ""
    """a file of the data directory that it names: by it tasks trust the services"""
    trusted_proxies: tuple[str, ...]
    hosts: Hosts = LOCAL_HOSTS
    """the names it answers to"""
    host_suffixes: tuple[str, ...] = ()
    """hosts below one of them name their account"""
    web_suffixes: tuple[str, ...] = ()
    """hosts below one of them are websites of accounts"""
    copy_origins: tuple[str, ...] = ()
    """other services that blobs may be copied from"""
    identity: Identity | None = None
    """for HTTPS"""
    log_level: str
    content: str = ""
    """URL of the object store that keeps the bytes of blobs; none: a directory"""
    testing_token: str = ""
    """of the test that may ask for faults; none: nobody may"""
    fidelity: Fidelity = Fidelity()
    scheduling: Scheduling = IN_ORDER
    isolation: Isolation = PROCESSES
    """of compute nodes"""
    portal: str = "off"
    """whether the Batch service shows one: on, read-only or off"""
    portal_origins: tuple[str, ...] = ()
    """of which pages may use the Blob service"""
    batch_url: str = ""
    blob_url: str = ""
    """as clients reach the services, of which each sees itself only; empty: it was never started"""
    events_kept: int = 1_000_000
    """state changes that the feed keeps, at most"""
    events_hours: int = 24
    """for how long"""
    own_blob_url: str = ""
    """as this machine reaches the Blob service"""
    images: tuple[ImageRule, ...] = ()
    """what images that pools name mean, as far as the operator says it"""
    max_nodes: int | None = None
    """compute nodes of all accounts together; none: as many as are wanted"""
    names_address: str = ""
    """where the Blob service answers for the cloud's names, for the hosts files of nodes; none: nowhere"""
    cloud_regions: tuple[str, ...] = ()
    """in which these names have Batch accounts"""
    cloud_proxy: CloudProxy | None = None
    """of tasks, which the Blob service has beside"""


def send(channel: socket.socket, launch: Launch, *listening: socket.socket) -> None:
    """Raises OSError if the process has ended."""
    socket.send_fds(channel, [b"\0"], [each.fileno() for each in listening])
    channel.sendall(msgspec.json.encode(launch) + b"\n")


def receive(channel: socket.socket) -> tuple[Launch, list[socket.socket]] | None:
    """With the listening sockets; None if the supervisor has gone before it began anything."""
    _, descriptors, _, _ = socket.recv_fds(channel, 1, MOST_SOCKETS)
    if not descriptors:
        return None
    listening = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for each in listening:
        each.set_inheritable(False)  # a node that held the socket would keep the port taken
    return msgspec.json.decode(_read_line(channel.fileno()), type=Launch), listening


def _read_line(descriptor: int) -> bytes:
    """Byte by byte: what follows the line stays in the socket, for whoever waits for it later."""
    line = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)
