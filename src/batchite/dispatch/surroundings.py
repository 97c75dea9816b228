"""What a node is told that is about to be started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from batchite.link.spec import Authority, NodeImage, NodePackage, NodeSpec, NodeUser
from batchite.scheduling.state import NodeState, PoolState
from batchite.wire.batch import vm_sizes
from batchite.wire.batch.vm_sizes import VmSize


def this_machine(_image: str) -> NodeImage:
    """Whatever the image, a node is this machine as it is."""
    return NodeImage()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every node."""

    service_url: str
    """where agents connect to"""
    account_url: str
    """the Batch endpoint, where tasks find the API"""
    environment: Mapping[str, str]
    """for every task"""
    node_image: Callable[[str], NodeImage]
    """what the image of a pool means; it may wait for the disk"""
    hosts: Callable[[], tuple[str, ...]] = tuple
    """lines of the hosts files of nodes that have some, at present"""
    authority: Authority | None = None
    """that signs for these names"""
    authorities: str = ""
    """the file of the service's that `environment` names, if it does"""

    def spec(self, account: str, pool: PoolState, image: NodeImage, node: NodeState, token: str) -> NodeSpec:
        """`image` is what that of the pool means at present."""
        return NodeSpec(
            node_id=node.id,
            pool_id=pool.id,
            account=account,
            account_url=self.account_url,
            service_url=self.service_url,
            token=token,
            dedicated=node.dedicated,
            slots=pool.rules.slots_per_node,
            environment=dict(self.environment),
            hosts=self.hosts(),
            authority=self.authority,
            authorities=self.authorities,
            image=image,
            users=tuple(NodeUser(user.name, user.is_admin, user.number) for user in pool.rules.users),
            packages=tuple(NodePackage(one.application_id, one.version) for one in pool.rules.packages),
        )


def size_of(pool: PoolState) -> VmSize:
    """What its nodes are to have."""
    return vm_sizes.find(pool.vm_size) or VmSize(pool.vm_size, pool.node_cores, 0)
