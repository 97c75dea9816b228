"""The pools of the survival test."""

from __future__ import annotations

from typing import Any

from azure.batch import BatchClient
from azure.batch import models as m
from tests.product.survival.insisting import insist

POOL = "survivors"
"""Where the load is."""


def add_pool(client: BatchClient, pool_id: str, slots: int, **given: Any) -> None:
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    pool = m.BatchPoolCreateOptions(
        id=pool_id,
        vm_size="Standard_D64_v3",
        virtual_machine_configuration=m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        ),
        task_slots_per_node=slots,
        task_scheduling_policy=m.BatchTaskSchedulingPolicy(node_fill_type=m.BatchNodeFillType.SPREAD),
        **given,
    )
    client.create_pool(pool)


def node_ids(client: BatchClient, pool_id: str = POOL) -> set[str]:
    return {node.id or "" for node in insist(lambda: list(client.list_nodes(pool_id)))}


def idle_or_busy(client: BatchClient, pool_id: str = POOL) -> set[str]:
    nodes = insist(lambda: list(client.list_nodes(pool_id)))
    return {node.id or "" for node in nodes if node.state in ("idle", "running")}
