"""The same through the official SDK, whose own cost is in every figure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from azure.storage.blob import ContainerClient

from benchmarks.blobs import sides
from benchmarks.blobs.rows import Compared
from benchmarks.blobs.small import SIZE
from benchmarks.blobs.streams import MEBIBYTE
from benchmarks.figures import Measured
from benchmarks.operations import WorkloadError
from benchmarks.scale import Scale

THREADS = 16
SMALL = bytes(SIZE)
REMARK = (
    "Rows that name the SDK are azure-storage-blob for Python with its defaults and the account's key: large "
    "blobs go up in blocks of 4 MiB. It runs on the same machine and takes the larger part of the time, so "
    "these ratios say what a program notices, not what the services can do; they have no goal."
)


def measure(scale: Scale) -> Measured:
    compared: dict[tuple[str, str], Compared] = {}
    with sides.both() as pair:
        for repeat in range(scale.repeats):
            for side in sides.in_turns(pair, repeat):
                with side.awake(), side.container() as client:
                    for what, unit, rate in _rates(client, repeat, scale):
                        compared.setdefault((what, unit), Compared()).add(side.name, rate)
    rows = [
        row
        for (what, unit), found in compared.items()
        for row in found.rows(what, unit, goal=False, put="put" in what or "up" in what)
    ]
    return Measured(rows, [REMARK])


def _rates(client: ContainerClient, repeat: int, scale: Scale) -> Iterator[tuple[str, str, float]]:
    """What is measured, its unit and how much of it there is in a second."""
    names = [f"{repeat}-{number}" for number in range(scale.sdk_blobs)]
    more = [f"{name}-more" for name in names]
    mebibytes, count = scale.stream_mebibytes, len(names)
    large = bytes(range(256)) * (mebibytes * MEBIBYTE // 256)

    def put(name: str) -> None:
        client.upload_blob(name, SMALL)

    def get(name: str) -> None:
        if client.download_blob(name).readall() != SMALL:
            raise WorkloadError(f"{name} is not what was put")

    def up() -> None:
        client.upload_blob("large", large, overwrite=True)

    def down() -> None:
        if client.download_blob("large").readall() != large:
            raise WorkloadError("the large blob is not what was put")

    put(f"{repeat}-warm-up")
    get(f"{repeat}-warm-up")
    yield "SDK: put 1 KiB", "/s", count / _seconds(lambda: _each(put, names))
    yield "SDK: get 1 KiB", "/s", count / _seconds(lambda: _each(get, names))
    yield f"SDK: put 1 KiB, {THREADS} threads", "/s", count / _seconds(lambda: _at_once(put, more))
    yield f"SDK: get 1 KiB, {THREADS} threads", "/s", count / _seconds(lambda: _at_once(get, more))
    yield f"SDK: {mebibytes} MiB up", "MiB/s", mebibytes / _seconds(up)
    yield f"SDK: {mebibytes} MiB down", "MiB/s", mebibytes / _seconds(down)


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _each(act: Callable[[str], None], names: Sequence[str]) -> None:
    for name in names:
        act(name)


def _at_once(act: Callable[[str], None], names: Sequence[str]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(act, names))
