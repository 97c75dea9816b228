"""Ports at which a node is reached from outside, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import UNSET

from batchite.wire.batch import images
from batchite.wire.batch.models.enums import InboundEndpointProtocol
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.networks import (
    BatchInboundNatPool,
    BatchNodeEndpointConfiguration,
    BatchNodeRemoteLoginSettings,
    InboundEndpoint,
)
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

LOGIN: Final = "SSHRule"
"""The rule by which people log in to a node; every node has it."""
_SSH, _RDP = 22, 3389
_HERE: Final = "127.0.0.1"


class Places(NamedTuple):
    """For how many nodes each of a pool's inbound NAT pools has ports."""

    free: int
    all: int
    """if no node had any"""


class Reserved(NamedTuple):
    """A port of this machine that is a node's by a rule, of which the node has the `number` in its pool."""

    port: int
    rule: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.rule}.{self.number}"


def endpoints(
    reserved: Sequence[Reserved], pool: BatchPoolCreateOptions, address: str
) -> Given[BatchNodeEndpointConfiguration]:
    """Of a node with this address."""
    known = {one.name: one for one in _nat_pools(pool)}
    shown = tuple(_endpoint(one, known.get(one.rule), pool, address) for one in reserved)
    return BatchNodeEndpointConfiguration(inbound_endpoints=shown) if shown else UNSET


def _endpoint(
    one: Reserved, of: BatchInboundNatPool | None, pool: BatchPoolCreateOptions, address: str
) -> InboundEndpoint:
    return InboundEndpoint(
        name=one.name,
        protocol=of.protocol if of else InboundEndpointProtocol.TCP,
        public_ip_address=address,
        public_fqdn="localhost" if address == _HERE else address,
        frontend_port=one.port,
        backend_port=of.backend_port if of else _RDP if is_windows(pool) else _SSH,
    )


def _nat_pools(pool: BatchPoolCreateOptions) -> Sequence[BatchInboundNatPool]:
    network = pool.network_configuration
    configuration = network.endpoint_configuration if network else None
    return configuration.inbound_nat_pools if configuration else ()


def is_windows(pool: BatchPoolCreateOptions) -> bool:
    """Whether the pool's image is one of Windows, whatever its nodes run."""
    machine = pool.virtual_machine_configuration
    return images.is_windows(machine.node_agent_sku_id.lower()) if machine else False


def is_cloud_service(pool: BatchPoolCreateOptions) -> bool:
    """Whether it was added as a pool of a cloud service."""
    machine = pool.virtual_machine_configuration
    return images.is_cloud_service(machine.image_reference) if machine else False


def login(
    reserved: Sequence[Reserved], address: str, ipv6_address: Given[str]
) -> BatchNodeRemoteLoginSettings | None:
    """None for a node that has no port to log in at."""
    port = next((one.port for one in reserved if one.rule == LOGIN), None)
    if port is None:
        return None
    return BatchNodeRemoteLoginSettings(
        ipv6_remote_login_ip_address=ipv6_address,
        ipv6_remote_login_port=port if ipv6_address else UNSET,
        remote_login_ip_address=address,
        remote_login_port=port,
    )
