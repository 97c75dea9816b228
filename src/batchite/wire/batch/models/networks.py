"""Networks and endpoints of pools, jobs and nodes."""

from __future__ import annotations

from msgspec import UNSET, field

from batchite.wire.batch.models.enums import (
    DynamicVNetAssignmentScope,
    InboundEndpointProtocol,
    IpAddressProvisioningType,
    IPFamily,
    NetworkSecurityGroupRuleAccess,
)
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model


class NetworkSecurityGroupRule(Model, frozen=True, kw_only=True):
    """A rule of who may reach an endpoint."""

    priority: Int32
    access: NetworkSecurityGroupRuleAccess
    source_address_prefix: str
    source_port_ranges: Maybe[tuple[str, ...]] = UNSET


class BatchInboundNatPool(Model, frozen=True, kw_only=True):
    """A range of outside ports mapped to one port of the nodes."""

    name: str
    protocol: InboundEndpointProtocol
    backend_port: Int32
    frontend_port_range_start: Int32
    frontend_port_range_end: Int32
    network_security_group_rules: Maybe[tuple[NetworkSecurityGroupRule, ...]] = UNSET


class BatchPoolEndpointConfiguration(Model, frozen=True, kw_only=True):
    """The endpoints of a pool."""

    inbound_nat_pools: tuple[BatchInboundNatPool, ...] = field(name="inboundNATPools")


class IPTag(Model, frozen=True, kw_only=True):
    """A tag of a public address."""

    ip_tag_type: Maybe[str] = UNSET
    tag: Maybe[str] = UNSET


class BatchPublicIpAddressConfiguration(Model, frozen=True, kw_only=True):
    """The public addresses of a pool."""

    provision: Maybe[IpAddressProvisioningType] = UNSET
    ip_families: Maybe[tuple[IPFamily, ...]] = UNSET
    ip_address_ids: Maybe[tuple[str, ...]] = UNSET
    ip_tags: Maybe[tuple[IPTag, ...]] = UNSET


class NetworkConfiguration(Model, frozen=True, kw_only=True):
    """The network of a pool."""

    subnet_id: Maybe[str] = UNSET
    dynamic_v_net_assignment_scope: Maybe[DynamicVNetAssignmentScope] = UNSET
    endpoint_configuration: Maybe[BatchPoolEndpointConfiguration] = UNSET
    public_ip_address_configuration: Maybe[BatchPublicIpAddressConfiguration] = field(
        default=UNSET, name="publicIPAddressConfiguration"
    )
    enable_accelerated_networking: Maybe[bool] = UNSET


class BatchJobNetworkConfiguration(Model, frozen=True, kw_only=True):
    """The network that tasks of a job are in."""

    subnet_id: str
    skip_withdraw_from_v_net: Maybe[bool] = UNSET


class InboundEndpoint(Model, frozen=True, kw_only=True):
    """An endpoint of a node."""

    name: str
    protocol: InboundEndpointProtocol
    public_ip_address: str = field(name="publicIPAddress")
    public_fqdn: str = field(name="publicFQDN")
    frontend_port: Int32
    backend_port: Int32


class BatchNodeRemoteLoginSettings(Model, frozen=True, kw_only=True):
    """Where to log in to a node."""

    ipv6_remote_login_ip_address: Given[str] = field(default=UNSET, name="ipv6RemoteLoginIPAddress")
    ipv6_remote_login_port: Given[Int32] = field(default=UNSET, name="ipv6RemoteLoginPort")
    remote_login_ip_address: str = field(name="remoteLoginIPAddress")
    remote_login_port: Int32


class BatchNodeEndpointConfiguration(Model, frozen=True, kw_only=True):
    """The endpoints of a node."""

    inbound_endpoints: tuple[InboundEndpoint, ...]
