"""Very many nodes that have nothing to do: what keeping contact with them costs the service."""

from __future__ import annotations

import time

from batchite.testing import RunningService
from benchmarks import agents, operations, processes
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

POOL = "crowd"
REST_SECONDS = 5.0
"""For what comes with the last links to be over."""
GOAL_PERCENT = 3.0
GOAL_KILOBYTES = 60.0
REMARK = (
    "The nodes are simulated, as those of `interaction`: one process has a link for each, which speaks the "
    "protocol of agents, heartbeats included. Time and memory are of the Batch process; the reference is one "
    "whose pool has no nodes. Memory is what is resident more than there, divided by the nodes."
)


def measure(scale: Scale) -> Measured:
    nodes, seconds = scale.idle_nodes, scale.idle_seconds
    with operations.fresh_service() as (service, client):
        operations.ask_for_pool(client, POOL, nodes=0)
        alone, floor = _at_rest(service, seconds)
    with agents.at_work(POOL, nodes, 1, lambda _client: None) as (service, _):
        busy, held = _at_rest(service, seconds)
    each = 1000 * (held - floor) / nodes
    what = f"{nodes:,} idle nodes"
    rows = [
        Row(f"{what}: a core", "%", [busy], "the same without nodes", [alone], GOAL_PERCENT),
        Row(
            f"{what}: memory of each",
            "kB",
            [each],
            "the service without nodes",
            [1000 * floor],
            GOAL_KILOBYTES,
        ),
    ]
    return Measured(rows, [REMARK])


def _at_rest(service: RunningService, seconds: float) -> tuple[float, float]:
    """Percent of a core that the Batch process takes, and its megabytes."""
    batch = processes.find(service).batch
    time.sleep(REST_SECONDS)
    before, began = processes.cpu_seconds(batch), time.monotonic()
    time.sleep(seconds)
    used = processes.cpu_seconds(batch) - before
    return 100 * used / (time.monotonic() - began), processes.megabytes(batch)
