"""How long a pool takes to come from no nodes to many, and back to none."""

from __future__ import annotations

import time

from benchmarks import operations, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

POOL = "resized"


def measure(scale: Scale) -> Measured:
    nodes = scale.resized_nodes
    with operations.fresh_service() as (_, client):
        operations.ask_for_pool(client, POOL, nodes=0)
        taken = [(_resize(client, nodes), _resize(client, 0)) for _ in range(scale.repeats)]
    up, down = ([sample[which] for sample in taken] for which in (0, 1))
    starts = references.interpreter_seconds(scale.repeats, at_once=nodes)
    reference = f"{nodes} × python -c '' at once"
    rows = [
        Row(f"pool of 0 → {nodes} nodes, all idle", "s", up, reference, starts, 4.0),
        Row(f"pool of {nodes} → 0 nodes, steady", "s", down, reference, starts, 2.0),
    ]
    remark = (
        "From the request that resizes the pool: up, until all its nodes are idle; down, until it has none "
        "and is steady. Nothing runs on the nodes. Pool and nodes are looked at every "
        f"{1000 * operations.POLL_SECONDS:.0f} ms."
    )
    return Measured(rows, [remark])


def _resize(client: Client, nodes: int) -> float:
    began = time.monotonic()
    client.post(f"/pools/{POOL}/resize", {"targetDedicatedNodes": nodes})
    if nodes:
        operations.wait_until_idle(client, POOL, nodes)
    operations.wait_until_steady(client, POOL, nodes)
    return time.monotonic() - began
