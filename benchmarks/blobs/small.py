"""Small blobs: put and got, one at a time and sixteen at once."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from benchmarks.blobs import native, sides
from benchmarks.blobs.native import Load
from benchmarks.blobs.rows import Compared
from benchmarks.figures import Measured
from benchmarks.scale import Scale

SIZE = 1024
CONNECTIONS = (1, 16)
BARE = {"PUT": "bare server: write and fdatasync", "GET": "bare server: answer from memory"}
REMARK = (
    "Small blobs have 1 KiB. Every put makes a new blob; the gets read them in the order of their names. The "
    "bare server is a C program that does no more than receive, write over a file's first bytes with "
    "fdatasync, and answer; with 16 connections each has a file and a thread of its own, so syncs meet, but "
    "none is shared."
)


def measure(scale: Scale) -> Measured:
    loads = [
        Load(verb, SIZE, connections, scale.small_blobs)
        for connections in CONNECTIONS
        for verb in ("PUT", "GET")
    ]
    compared = {load: Compared() for load in loads}
    with tempfile.TemporaryDirectory() as name, sides.both() as pair:
        client = native.made(Path(name))
        for side in pair:
            with side.awake():
                client.send(side, Load("PUT", SIZE, 4, scale.small_blobs // 4, 9_000_000))
        with client.bare(Path(name) / "bare") as port:
            for repeat in range(scale.repeats):
                for place, load in enumerate(loads):
                    first = (repeat * len(loads) + place - place % 2) * load.count
                    now = dataclasses.replace(load, first=first)
                    for side in sides.in_turns(pair, repeat):
                        with side.awake():
                            compared[load].add(side.name, load.count / client.send(side, now))
                    compared[load].add(BARE[load.verb], load.count / client.send_bare(port, now))
    rows = [
        row
        for load, found in compared.items()
        for row in found.rows(_name(load), "/s", put=load.verb == "PUT")
    ]
    return Measured(rows, [REMARK])


def _name(load: Load) -> str:
    what = "put 1 KiB" if load.verb == "PUT" else "get 1 KiB"
    return f"{what}, {load.connections} at once" if load.connections > 1 else what
