"""How long a node takes that is rebooted until it is idle again, as a process and as a machine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from batchite.testing import running_service
from benchmarks import operations, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

POOL = "rebooted"
GOAL_SECONDS = 0.3
KINDS = {"process": "node", "machine": "node that is a machine"}
POLL_SECONDS = 0.005


def measure(scale: Scale) -> Measured:
    tiers = KINDS if os.geteuid() == 0 else {"process": KINDS["process"]}
    taken = {what: _of_tier(tier, 3 * scale.repeats) for tier, what in tiers.items()}
    starts = references.interpreter_seconds(scale.repeats)
    rows = [
        Row(f"{what} rebooted → idle", "s", seconds, "python -c ''", starts, GOAL_SECONDS)
        for what, seconds in taken.items()
    ]
    remark = (
        "From the request until the node, on which nothing runs, is idle again; its pool has no start task. "
        f"It is looked at every {1000 * POLL_SECONDS:.0f} ms."
    )
    return Measured(rows, [remark])


def _of_tier(tier: str, repeats: int) -> Sequence[float]:
    with (
        running_service(variables={"BATCHITE_SANDBOX_TIER": tier}) as service,
        operations.connected(service) as client,
    ):
        operations.ask_for_pool(client, POOL, nodes=1)
        operations.wait_until_idle(client, POOL, 1)
        (node,) = client.get(f"/pools/{POOL}/nodes")["value"]
        return [_reboot(client, node["id"]) for _ in range(repeats)]


def _reboot(client: Client, node_id: str) -> float:
    path = f"/pools/{POOL}/nodes/{node_id}"
    began = time.monotonic()
    client.post(f"{path}/reboot", {})
    while (node := client.get(path))["state"] != "idle":
        if time.monotonic() > began + operations.PATIENCE_SECONDS:
            raise operations.WorkloadError(f"{node_id} is {node['state']} and does not boot")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began
