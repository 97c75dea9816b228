"""The services that are compared: only one at a time is awake, so that none pays for another."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from benchmarks import processes
from benchmarks.blobs import azurite, ours
from benchmarks.operations import PATIENCE_SECONDS, WorkloadError

CONTAINER = "bench"
POLL_SECONDS = 0.005
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the services to compare."""

    name: str
    start: Callable[[Path, int], subprocess.Popen[bytes]]
    """with a directory for its data and the port to listen on"""
    credentials: Callable[[Path], tuple[str, str]]
    """account and key"""


@dataclass(frozen=True, slots=True)
class Side:
    """A running service, and how to speak to it."""

    name: str
    process: psutil.Process
    port: int
    account: str
    key: str
    signature: str
    """of the container, shared by all requests in C: made once, it costs that client nothing"""

    def target(self, blob: str) -> str:
        """Of a blob, for the client in C; # in `blob` is the request's number."""
        return f"/{self.account}/{CONTAINER}/{blob}?{self.signature}"

    def listing(self) -> str:
        return f"/{self.account}/{CONTAINER}?restype=container&comp=list&maxresults=5000&{self.signature}"

    def container(self) -> ContainerClient:
        """Through the SDK."""
        url = f"http://127.0.0.1:{self.port}/{self.account}"
        parts = ("DefaultEndpointsProtocol=http", f"AccountName={self.account}", f"AccountKey={self.key}")
        service = BlobServiceClient.from_connection_string(";".join((*parts, f"BlobEndpoint={url}")))
        return service.get_container_client(CONTAINER)

    def megabytes(self) -> float:
        """Resident in all of its processes."""
        return sum(processes.megabytes(part) for part in self._processes())

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        self.resume()
        try:
            yield
        finally:
            self.suspend()

    def suspend(self) -> None:
        for part in self._processes():
            part.suspend()

    def resume(self) -> None:
        for part in self._processes():
            part.resume()

    def kill(self) -> None:
        """All processes at once, without warning."""
        for part in self._processes():
            part.kill()

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


OURS = Kind(ours.NAME, ours.start, ours.credentials)
AZURITE = Kind(azurite.NAME, azurite.start, azurite.credentials)


@contextlib.contextmanager
def both() -> Iterator[tuple[Side, Side]]:
    """Ours and Azurite, each with fresh data in the same file system and an empty container; both asleep."""
    with contextlib.ExitStack() as stack:
        pair = []
        for kind in (OURS, AZURITE):
            temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            side = stack.enter_context(running(kind, Path(stack.enter_context(temporary))))
            with side.container() as container:
                container.create_container()
            side.suspend()
            pair.append(side)
        yield pair[0], pair[1]


def in_turns(sides: Sequence[Side], repeat: int) -> Sequence[Side]:
    """Each repeat starts with another side, so that a trend of the machine's load favours none."""
    return sides if repeat % 2 == 0 else sides[::-1]


@contextlib.contextmanager
def running(kind: Kind, directory: Path) -> Iterator[Side]:
    """A service of this data, answering; ended afterwards if it still runs. Raises WorkloadError."""
    port = _free_port()
    started = kind.start(directory, port)
    try:
        _wait_for_answer(started, port)
        side = _side(kind, directory, psutil.Process(started.pid), port)
        try:
            yield side
        finally:
            if started.poll() is None:
                side.resume()  # stopped, it would not heed the request to end
    finally:
        started.terminate()
        started.wait(STOP_SECONDS)
        if started.stdin:
            started.stdin.close()


def _side(kind: Kind, directory: Path, process: psutil.Process, port: int) -> Side:
    account, key = kind.credentials(directory)
    signature = generate_container_sas(
        account,
        CONTAINER,
        account_key=key,
        permission=ContainerSasPermissions(read=True, write=True, create=True, list=True),
        expiry=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1),
    )
    return Side(kind.name, process, port, account, key, signature)


def _wait_for_answer(process: subprocess.Popen[bytes], port: int) -> None:
    """Returns with the first answer to a request, whatever it says."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(POLL_SECONDS)
        finally:
            connection.close()
    raise WorkloadError(f"a service to compare did not start: {process.args!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
