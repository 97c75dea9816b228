"""What is on disk when a put is answered: kill -9 after the last answer, restart, and count."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

from benchmarks.blobs import azurite, ours
from benchmarks.blobs.rows import Compared
from benchmarks.blobs.sides import AZURITE, OURS, Kind, running
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

PUTS = 300
THREADS = 16
REMARK = (
    f"{PUTS} blobs are put into a new container by {THREADS} threads of the SDK, all processes are killed "
    "with SIGKILL at the last answer, and after a restart with the same data those count that read back "
    "byte for byte. On both sides the bytes of a blob are synced before its put is answered; that there is "
    "such a blob is committed by then with us, and written by Azurite every 5 s from memory."
)


def measure(scale: Scale) -> Measured:
    left = Compared()
    azurite.program()
    for _ in range(scale.repeats):
        for kind in (OURS, AZURITE):
            left.add(kind.name, _left(kind))
    row = Row(
        f"{PUTS} puts answered, kill -9: still there",
        "blobs",
        left.samples[ours.NAME],
        azurite.NAME,
        left.samples[azurite.NAME],
        PUTS,
        higher_is_better=True,
    )
    return Measured([row], [REMARK])


def _left(kind: Kind) -> int:
    names = [f"blob{number:04}" for number in range(PUTS)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        with running(kind, Path(name)) as side, side.container() as container:
            container.create_container()
            _put(container, names)
            side.kill()
        with running(kind, Path(name)) as side, side.container() as container:
            return sum(_is_there(container, blob) for blob in names)


def _put(container: ContainerClient, names: Sequence[str]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda name: container.upload_blob(name, _content(name)), names))


def _is_there(container: ContainerClient, name: str) -> bool:
    try:
        return container.download_blob(name).readall() == _content(name)
    except ResourceNotFoundError:
        return False


def _content(name: str) -> bytes:
    return name.encode() * 100
