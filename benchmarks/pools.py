"""How long a new pool of three nodes takes until all are idle."""

from __future__ import annotations

import time

from benchmarks import operations, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row, number
from benchmarks.scale import Scale

NODES = 3


def measure(scale: Scale) -> Measured:
    with operations.fresh_service() as (_, client):
        taken = [_make(client, f"pool{repeat}") for repeat in range(scale.repeats)]
        poll = _poll_seconds(client, "pool0")
    starts = references.interpreter_seconds(scale.repeats, at_once=NODES)
    row = Row(
        f"new pool of {NODES} nodes → all idle", "s", taken, f"{NODES} × python -c '' at once", starts, 1.0
    )
    remark = (
        f"The pool's nodes are listed every {1000 * operations.POLL_SECONDS:.0f} ms, which adds half of that "
        f"on average; one such request takes {number(1000 * poll)} ms of its own."
    )
    return Measured([row], [remark])


def _make(client: Client, pool_id: str) -> float:
    began = time.monotonic()
    operations.ask_for_pool(client, pool_id, nodes=NODES)
    operations.wait_until_idle(client, pool_id, NODES)
    taken = time.monotonic() - began
    return taken


def _poll_seconds(client: Client, pool_id: str, count: int = 20) -> float:
    began = time.monotonic()
    for _ in range(count):
        operations.idle(client, pool_id)
    return (time.monotonic() - began) / count
