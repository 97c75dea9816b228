"""Networks of pools: what they are called, and the ports at which nodes are reached from outside."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from msgspec.structs import replace

from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.enums import IpAddressProvisioningType
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.networks import (
    BatchInboundNatPool,
    BatchPoolEndpointConfiguration,
    BatchPublicIpAddressConfiguration,
    NetworkConfiguration,
    NetworkSecurityGroupRule,
)
from batchite.wire.batch.validation import rules

MAX_NAT_POOLS = 5
MAX_RULES = 25
"""of all NAT pools of a pool together"""
LEAST_PORTS = 40
"""of a range"""
LAST_FRONTEND = 65534
RESERVED_FRONTENDS = 50000, 55000
RESERVED_BACKENDS = 29876, 29877
RESERVED_NAME = "SSHRule"
"""of the endpoint that every node has"""
ANY = "*"
PRIORITIES = 150, 4096

_LAST_PORT = 65535
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,75}[A-Za-z0-9_])?", re.ASCII)
_NAME_RULE = (
    "must have 1 to 77 characters, which are letters, digits, _, . and -, begin with a letter or digit and "
    "end with a letter, digit or _"
)
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)?", re.ASCII)
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def accept(where: str, network: Maybe[NetworkConfiguration]) -> Maybe[NetworkConfiguration]:
    """The network with its defaults, or a BatchError."""
    if not network:
        return network
    if isinstance(network.subnet_id, str):
        rules.check_text(f"{where}.subnetId", network.subnet_id)
    addresses, endpoints = network.public_ip_address_configuration, network.endpoint_configuration
    return replace(
        network,
        public_ip_address_configuration=_accept_addresses(f"{where}.publicIPAddressConfiguration", addresses),
        endpoint_configuration=_accept_endpoints(f"{where}.endpointConfiguration", endpoints),
    )


def _accept_addresses(
    where: str, addresses: Maybe[BatchPublicIpAddressConfiguration]
) -> Maybe[BatchPublicIpAddressConfiguration]:
    if not addresses:
        return addresses
    for index, address in enumerate(addresses.ip_address_ids or ()):
        rules.check_text(f"{where}.ipAddressIds[{index}]", address)
    return replace(addresses, provision=addresses.provision or IpAddressProvisioningType.BATCH_MANAGED)


def _accept_endpoints(
    where: str, endpoints: Maybe[BatchPoolEndpointConfiguration]
) -> Maybe[BatchPoolEndpointConfiguration]:
    if not endpoints:
        return endpoints
    pools = _accept_pools(f"{where}.inboundNATPools", endpoints.inbound_nat_pools)
    return BatchPoolEndpointConfiguration(inbound_nat_pools=tuple(pools))


def _accept_pools(where: str, pools: Sequence[BatchInboundNatPool]) -> list[BatchInboundNatPool]:
    if len(pools) > MAX_NAT_POOLS:
        raise invalid_property(where, len(pools), f"must have at most {MAX_NAT_POOLS} items")
    many = sum(len(pool.network_security_group_rules or ()) for pool in pools)
    if many > MAX_RULES:
        rule = f"may have {MAX_RULES} networkSecurityGroupRules in all"
        raise invalid_property(where, many, rule)
    names: set[str] = set()
    backends: set[int] = set()
    priorities: set[int] = set()
    ranges: list[range] = []
    for index, pool in enumerate(pools):
        here = f"{where}[{index}]"
        _check_name(here, pool.name, names)
        _check_backend(here, pool.backend_port, backends)
        _check_frontends(here, pool, ranges)
        for place, one in enumerate(pool.network_security_group_rules or ()):
            _check_rule(f"{here}.networkSecurityGroupRules[{place}]", one, priorities)
    return [_with_defaults(pool) for pool in pools]


def _with_defaults(pool: BatchInboundNatPool) -> BatchInboundNatPool:
    if not pool.network_security_group_rules:
        return pool
    filled = tuple(
        replace(rule, source_port_ranges=rule.source_port_ranges or (ANY,))
        for rule in pool.network_security_group_rules
    )
    return replace(pool, network_security_group_rules=filled)


def _check_name(where: str, name: str, taken: set[str]) -> None:
    if _NAME.fullmatch(name) is None:
        raise invalid_property(f"{where}.name", name, _NAME_RULE)
    if name.lower() == RESERVED_NAME.lower():
        raise invalid_property(f"{where}.name", name, "is the name of the endpoint that every node has")
    if name.lower() in taken:
        raise invalid_property(f"{where}.name", name, "must be unique within the pool")
    taken.add(name.lower())


def _check_backend(where: str, port: int, taken: set[int]) -> None:
    name = f"{where}.backendPort"
    rules.check_range(name, port, 1, _LAST_PORT)
    if port in RESERVED_BACKENDS:
        raise invalid_property(name, port, f"must not be one of the reserved {_either(RESERVED_BACKENDS)}")
    if port in taken:
        raise invalid_property(name, port, "must be unique within the pool")
    taken.add(port)


def _either(ports: Sequence[int]) -> str:
    return " and ".join(map(str, ports))


def _check_frontends(where: str, pool: BatchInboundNatPool, taken: list[range]) -> None:
    start, end = f"{where}.frontendPortRangeStart", f"{where}.frontendPortRangeEnd"
    first, last = pool.frontend_port_range_start, pool.frontend_port_range_end
    rules.check_range(start, first, 1, LAST_FRONTEND)
    rules.check_range(end, last, 1, LAST_FRONTEND)
    if last - first + 1 < LEAST_PORTS:
        rule = f"must leave a range of at least {LEAST_PORTS} ports from frontendPortRangeStart, {first}"
        raise invalid_property(end, last, rule)
    lowest, highest = RESERVED_FRONTENDS
    if first <= highest and last >= lowest:
        rule = f"begins a range that reaches into {lowest} to {highest}, which are reserved"
        raise invalid_property(start, first, rule)
    if any(first < other.stop and last >= other.start for other in taken):
        raise invalid_property(start, first, "begins a range that overlaps with another one of the pool")
    taken.append(range(first, last + 1))


def _check_rule(where: str, rule: NetworkSecurityGroupRule, taken: set[int]) -> None:
    name = f"{where}.priority"
    rules.check_range(name, rule.priority, *PRIORITIES)
    if rule.priority in taken:
        raise invalid_property(name, rule.priority, "must be unique within the pool")
    taken.add(rule.priority)
    if not _is_source(rule.source_address_prefix):
        text = "must be an IP address, a subnet such as 192.168.1.0/24, a service tag, or *"
        raise invalid_property(f"{where}.sourceAddressPrefix", rule.source_address_prefix, text)
    _check_sources(f"{where}.sourcePortRanges", rule.source_port_ranges or ())


def _is_source(text: str) -> bool:
    if text == ANY or _TAG.fullmatch(text) is not None:
        return True
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _check_sources(where: str, texts: Sequence[str]) -> None:
    found = [_ports(f"{where}[{index}]", text) for index, text in enumerate(texts)]
    for index, later in enumerate(found):
        if any(one.start < later.stop and later.start < one.stop for one in found[:index]):
            raise invalid_property(f"{where}[{index}]", texts[index], "must not overlap with another entry")


def _ports(where: str, text: str) -> range:
    if text == ANY:
        return range(_LAST_PORT + 1)
    match = _PORTS.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= _LAST_PORT:
        rule = f"must be *, a port such as 22, or a range such as 100-200, of ports from 0 to {_LAST_PORT}"
        raise invalid_property(where, text, rule)
    return range(first, last + 1)
