"""A large blob up and down, in one request."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path

from benchmarks.blobs import native, sides
from benchmarks.blobs.native import Load, Native
from benchmarks.blobs.rows import Compared
from benchmarks.blobs.sides import Side
from benchmarks.figures import Measured
from benchmarks.scale import Scale

MEBIBYTE = 1 << 20
SOCKET = "bare socket copy"
SOCKET_TO_FILE = "bare server: socket to file, fdatasync"
FILE = "bare file write and fsync"
MD5 = "MD5 alone, in one thread"
REMARK = (
    "A large blob goes up in one Put Blob and comes down in one Get Blob. The bare server in C receives the "
    "same bytes into a new file and syncs it before it answers, and sends them from memory for the bare "
    "socket copy; the bare file write is one process that writes 1 MiB at a time and syncs in the end. The "
    "answer to a Put Blob has the MD5 of what was put, which is computed byte after byte: no put is faster."
)


def measure(scale: Scale) -> Measured:
    up, down = Compared(), Compared()
    size = scale.stream_mebibytes
    with tempfile.TemporaryDirectory() as name, sides.both() as pair:
        directory = Path(name)
        client = native.made(directory)
        for side in pair:
            with side.awake():
                _both_ways(client, side, 4, 9_000_000)
        with client.bare(directory / "bare") as port:
            for repeat in range(scale.repeats):
                for side in sides.in_turns(pair, repeat):
                    with side.awake():
                        sent, received = _both_ways(client, side, size, repeat)
                    up.add(side.name, sent)
                    down.add(side.name, received)
                up.add(SOCKET_TO_FILE, size / client.send_bare(port, _load("PUT", size, 0)))
                up.add(FILE, size / _written(directory / "written", size))
                up.add(MD5, size / _digested(size))
                down.add(SOCKET, size / client.send_bare(port, _load("GET", size, 0)))
    rows = up.rows(f"{size} MiB up", "MiB/s", put=True) + down.rows(f"{size} MiB down", "MiB/s")
    return Measured(rows, [REMARK])


def _both_ways(client: Native, side: Side, mebibytes: int, number: int) -> tuple[float, float]:
    """MiB per second of a put and of a get."""
    put = client.send(side, _load("PUT", mebibytes, number))
    get = client.send(side, _load("GET", mebibytes, number))
    return mebibytes / put, mebibytes / get


def _load(verb: str, mebibytes: int, number: int) -> Load:
    return Load(verb, mebibytes * MEBIBYTE, connections=1, count=1, first=number)


def _written(path: Path, mebibytes: int) -> float:
    """Seconds until so much is in a new file and on disk."""
    block = b"x" * MEBIBYTE
    began = time.monotonic()
    with path.open("wb", buffering=0) as file:
        for _ in range(mebibytes):
            file.write(block)
        os.fsync(file.fileno())
    taken = time.monotonic() - began
    path.unlink()
    return taken


def _digested(mebibytes: int) -> float:
    """Seconds for the MD5 of so much."""
    block = b"x" * MEBIBYTE
    digest = hashlib.md5(usedforsecurity=False)
    began = time.monotonic()
    for _ in range(mebibytes):
        digest.update(block)
    return time.monotonic() - began
