"""Very many blobs: listing their names, and the memory of the services that have them."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import processes, references
from benchmarks.blobs import native, ours, sides
from benchmarks.blobs.native import Listed, Load, Native
from benchmarks.blobs.rows import Compared
from benchmarks.blobs.sides import Side
from benchmarks.blobs.small import SIZE
from benchmarks.figures import Measured
from benchmarks.operations import WorkloadError
from benchmarks.scale import Scale

CONNECTIONS = 16
COPY = "bare socket copy of as many bytes"
FLOOR = "python without imports"


def measure(scale: Scale) -> Measured:
    listing, through_sdk, memory, fresh = Compared(), Compared(), Compared(), Compared()
    listed: list[Listed] = []
    with tempfile.TemporaryDirectory() as name, sides.both() as pair:
        client = native.made(Path(name))
        for side in pair:
            fresh.add(side.name, side.megabytes())
        _fill(client, pair, 0, scale.listed_blobs)
        with client.bare(Path(name) / "bare") as port:
            for repeat in range(scale.repeats):
                for side in sides.in_turns(pair, repeat):
                    with side.awake():
                        found = client.list(side)
                        if found.names != scale.listed_blobs:
                            raise WorkloadError(f"{side.name} lists {found.names} names")
                        through_sdk.add(side.name, _through_sdk(side, found.names))
                    listing.add(side.name, found.seconds)
                    listed += [found] if side.name == ours.NAME else []
                load = Load("GET", listed[-1].bytes // listed[-1].requests, 1, listed[-1].requests)
                listing.add(COPY, client.send_bare(port, load))
        _fill(client, pair, scale.listed_blobs, scale.stored_blobs - scale.listed_blobs)
        for side in pair:
            memory.add(side.name, side.megabytes())
    plain = references.interpreter_bytes() / processes.MEGABYTE
    fresh.add(FLOOR, plain)
    memory.add(FLOOR, plain)
    rows = [
        *listing.rows(f"listing {scale.listed_blobs:,} names", "s", higher_is_better=False),
        *through_sdk.rows(
            f"SDK: listing {scale.listed_blobs:,} names", "s", goal=False, higher_is_better=False
        ),
        *fresh.rows("memory without blobs", "MB", goal=False, higher_is_better=False),
        *memory.rows(f"memory after {scale.stored_blobs:,} blobs", "MB", higher_is_better=False),
    ]
    return Measured(rows, [_remark(listed[0])])


def _fill(client: Native, pair: Sequence[Side], first: int, count: int) -> None:
    """Both at once: this is not measured."""
    load = Load("PUT", SIZE, CONNECTIONS, count, first)
    threads = [threading.Thread(target=client.send, args=(side, load)) for side in pair]
    for side in pair:
        side.resume()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for side in pair:
        side.suspend()


def _through_sdk(side: Side, names: int) -> float:
    """Seconds in which the SDK lists the same."""
    with side.container() as container:
        began = time.monotonic()
        if sum(1 for _ in container.list_blob_names()) != names:
            raise WorkloadError(f"{side.name} lists other names to the SDK")
        return time.monotonic() - began


def _remark(listed: Listed) -> str:
    return (
        f"Names are listed in pages of 5,000; ours come in {listed.bytes / 1e6:.1f} MB. Memory is what is "
        "resident in all processes of a side (ours are the supervisor and the service), shared pages "
        f"included, as the last of the blobs is acknowledged; each has {SIZE} bytes and was put by one of "
        f"{CONNECTIONS} connections."
    )
