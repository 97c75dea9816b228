"""The client and the bare server in C."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import references
from benchmarks.blobs.sides import Side


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that are alike, over kept connections with one outstanding on each."""

    verb: str
    size: int
    """bytes of a blob"""
    connections: int
    count: int
    first: int = 0
    """the number in the first blob's name"""


@dataclass(frozen=True, slots=True)
class Listed:
    """What listing all names took."""

    seconds: float
    names: int
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Native:
    """The compiled program."""

    path: Path

    def send(self, side: Side, load: Load) -> float:
        """Seconds until all are answered as they should be. Raises CalledProcessError if one is not."""
        return self._send(side.port, side.target("blob#"), load)

    def send_bare(self, port: int, load: Load) -> float:
        """The same, to the bare server."""
        return self._send(port, f"/{load.size}?#", load)

    def list(self, side: Side) -> Listed:
        """All names of the container, page by page."""
        seconds, names, requests, size = self._run("list", side.port, side.listing()).split()
        return Listed(float(seconds), int(names), int(requests), int(size))

    @contextlib.contextmanager
    def bare(self, directory: Path) -> Iterator[int]:
        """The bare server; gives its port."""
        directory.mkdir(exist_ok=True)
        command = [str(self.path), "bare", str(directory)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with process.stdin:
                yield int(process.stdout.readline())

    def _send(self, port: int, target: str, load: Load) -> float:
        status = 201 if load.verb == "PUT" else 200
        numbers = (load.connections, load.first, load.count)
        return float(self._run("send", port, *numbers, load.verb, target, load.size, status))

    def _run(self, *arguments: object) -> str:
        command = [str(self.path), *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def made(directory: Path) -> Native:
    """Compiled with the machine's compiler."""
    return Native(references.compiled("blobs", directory, "-pthread"))
