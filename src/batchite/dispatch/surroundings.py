"""What a node is told that is about to be started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchite.link.spec import NodeSpec
from batchite.scheduling.state import NodeState, PoolState
from batchite.wire.batch import vm_sizes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every node."""

    service_url: str
    """where agents connect to"""
    account_url: str
    """the Batch endpoint, where tasks find the API"""
    environment: Mapping[str, str]
    """for every task"""

    def spec(self, account: str, pool: PoolState, node: NodeState, token: str) -> NodeSpec:
        size = vm_sizes.find(pool.vm_size)
        return NodeSpec(
            node_id=node.id,
            pool_id=pool.id,
            account=account,
            account_url=self.account_url,
            service_url=self.service_url,
            token=token,
            dedicated=node.dedicated,
            vm_size=pool.vm_size,
            cores=pool.node_cores,
            memory_mib=size.memory_mib if size is not None else 0,
            slots=pool.rules.slots_per_node,
            environment=dict(self.environment),
        )
