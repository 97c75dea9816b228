"""Ports at which the nodes of a pool are reached: rules and defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import PropertyError
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.validation import networks

POOLS = "network.endpointConfiguration.inboundNATPools"
FREE = {"priority": 150, "access": "allow", "sourceAddressPrefix": "*"}


def nat(name: str = "web", backend: int = 80, first: int = 15000, last: int = 15099, **more: object) -> Any:
    return {
        "name": name,
        "protocol": "tcp",
        "backendPort": backend,
        "frontendPortRangeStart": first,
        "frontendPortRangeEnd": last,
        **more,
    }


def accept(*pools: object) -> Any:
    body = {"endpointConfiguration": {"inboundNATPools": pools}}
    given = codec.decode(json.dumps(body).encode(), NetworkConfiguration)
    accepted = networks.accept("network", given)
    assert accepted
    return json.loads(codec.encode(accepted))["endpointConfiguration"]["inboundNATPools"]


def many(number: int) -> list[Any]:
    return [nat(f"p{i}", 100 + i, 1000 + 40 * i, 1039 + 40 * i) for i in range(number)]


def test_what_is_within_the_rules() -> None:
    pools = [
        *many(4),
        nat("a_B.c-d_", 22, 55001, 65534, networkSecurityGroupRules=[{**FREE, "priority": 4096}]),
    ]
    *others, last = accept(*pools)
    assert others == pools[:4]
    assert last["networkSecurityGroupRules"] == [{**FREE, "priority": 4096, "sourcePortRanges": ["*"]}]


@pytest.mark.parametrize(
    "prefix", ["*", "10.10.10.10", "192.168.1.0/24", "fd00::/8", "Internet", "Sql.EastUS"]
)
def test_sources_of_a_rule(prefix: str) -> None:
    rule = {**FREE, "sourceAddressPrefix": prefix, "sourcePortRanges": ["22", "100-200", "0"]}
    (found,) = accept(nat(networkSecurityGroupRules=[rule]))
    assert found["networkSecurityGroupRules"] == [rule]


def ruled(*rules: dict[str, object]) -> Any:
    return nat(
        networkSecurityGroupRules=[{**FREE, "priority": 150 + i, **rule} for i, rule in enumerate(rules)]
    )


@pytest.mark.parametrize(
    ("pools", "name"),
    [
        (many(6), ""),
        ([nat("")], "[0].name"),
        ([nat("-a")], "[0].name"),
        ([nat("a.")], "[0].name"),
        ([nat("a" * 78)], "[0].name"),
        ([nat("a b")], "[0].name"),
        ([nat("sshrule")], "[0].name"),
        ([nat("a"), nat("A", 81, 16000, 16039)], "[1].name"),
        ([nat(backend=0)], "[0].backendPort"),
        ([nat(backend=65536)], "[0].backendPort"),
        ([nat(backend=29876)], "[0].backendPort"),
        ([nat("a"), nat("b", 80, 16000, 16039)], "[1].backendPort"),
        ([nat(first=0, last=100)], "[0].frontendPortRangeStart"),
        ([nat(first=65000, last=65535)], "[0].frontendPortRangeEnd"),
        ([nat(first=15000, last=15038)], "[0].frontendPortRangeEnd"),
        ([nat(first=15000, last=14000)], "[0].frontendPortRangeEnd"),
        ([nat(first=49000, last=50000)], "[0].frontendPortRangeStart"),
        ([nat(first=55000, last=56000)], "[0].frontendPortRangeStart"),
        ([nat("a"), nat("b", 81, 15099, 15200)], "[1].frontendPortRangeStart"),
        ([ruled({"priority": 149})], "[0].networkSecurityGroupRules[0].priority"),
        ([ruled({"priority": 4097})], "[0].networkSecurityGroupRules[0].priority"),
        ([ruled({"priority": 151}, {})], "[0].networkSecurityGroupRules[1].priority"),
        ([ruled({"sourceAddressPrefix": ""})], "[0].networkSecurityGroupRules[0].sourceAddressPrefix"),
        ([ruled({"sourceAddressPrefix": "1.2.3"})], "[0].networkSecurityGroupRules[0].sourceAddressPrefix"),
        ([ruled({"sourcePortRanges": ["x"]})], "[0].networkSecurityGroupRules[0].sourcePortRanges[0]"),
        ([ruled({"sourcePortRanges": ["7-6"]})], "[0].networkSecurityGroupRules[0].sourcePortRanges[0]"),
        ([ruled({"sourcePortRanges": ["65536"]})], "[0].networkSecurityGroupRules[0].sourcePortRanges[0]"),
        ([ruled({"sourcePortRanges": ["1-5", "5"]})], "[0].networkSecurityGroupRules[0].sourcePortRanges[1]"),
        ([ruled({"sourcePortRanges": ["*", "5"]})], "[0].networkSecurityGroupRules[0].sourcePortRanges[1]"),
        ([ruled(*[{}] * 26)], ""),
    ],
)
def test_what_breaks_a_rule_is_named(pools: list[Any], name: str) -> None:
    with pytest.raises(PropertyError) as caught:
        accept(*pools)
    assert (caught.value.code, caught.value.name) == ("InvalidPropertyValue", POOLS + name)


def test_networks_without_endpoints_stay_as_they_are() -> None:
    given = NetworkConfiguration(enable_accelerated_networking=True)
    assert networks.accept("network", given) == given
