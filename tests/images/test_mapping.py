"""What images mean: the operator's rules over what layers say they are for."""

from __future__ import annotations

import pytest

from batchite.configuration.images import HOST, LAYERS, ImageRule
from batchite.images.layer import layers
from batchite.images.mapping import Meaning, meaning
from batchite.wire.batch.images import AGENTS, OS_FAMILIES, SUPPORTED, of_urn, urn

UBUNTU_16 = "Canonical:UbuntuServer:16.04-LTS:latest"
UBUNTU_22 = "canonical:0001-com-ubuntu-server-jammy:22_04-lts:latest"
WINDOWS = "MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter:latest"


def of(image: str, *rules: ImageRule, roots: tuple[str, ...] = ()) -> Meaning:
    return meaning(of_urn(image), rules, layers(), roots)


@pytest.mark.parametrize(
    ("image", "layer"),
    [
        (UBUNTU_16, "period"),
        ("canonical:ubuntuserver:14.04.5-lts:14.04.201609190", "period"),
        ("credativ:debian:8:", "period"),
        ("OpenLogic:CentOS:7.2:latest", "period"),
        (UBUNTU_22, ""),
        ("canonical:ubuntuserver:18.04-lts:latest", ""),
        (WINDOWS, "windows"),
        *((f"microsoft-azure-batch:cloud-services:{family}:*", "windows") for family in OS_FAMILIES),
        ("a:b:c:d", ""),
    ],
)
def test_layers_by_image(image: str, layer: str) -> None:
    assert of(image) == Meaning(HOST, layer, {}, (), layer == "windows")


def test_period_images_have_a_clean_root_file_system_if_one_was_added() -> None:
    assert of(UBUNTU_16, roots=("other", "period")).root == "period"
    assert of(UBUNTU_22, roots=("period",)).root == HOST
    assert of(UBUNTU_16, ImageRule(sku="16.04*", root=HOST), roots=("period",)).root == HOST


def test_a_rule_counts_for_what_it_says() -> None:
    rule = ImageRule(
        offer="ubuntuserver", sku="16.04*", root="trusty", environment={"A": "b"}, path=("/opt/x",)
    )
    assert of(UBUNTU_16, rule) == Meaning("trusty", "period", {"A": "b"}, ("/opt/x",), False)
    assert of(UBUNTU_22, rule) == of(UBUNTU_22)


def test_layers_are_switched_off_and_given() -> None:
    assert of(UBUNTU_16, ImageRule(publisher="canonical", layer="")) == Meaning(HOST, "", {}, (), False)
    assert of(UBUNTU_22, ImageRule(publisher="canonical", layer="period")).layer == "period"
    assert not of(WINDOWS, ImageRule(publisher="*", layer="")).is_windows


def test_the_first_rule_that_matches_all_of_an_image_counts() -> None:
    rules = (
        ImageRule(version="1.*", root="never"),
        ImageRule(node_agent_sku_id="batch.node.UBUNTU *", root="first"),
        ImageRule(publisher="*", root="second"),
    )
    assert of(UBUNTU_16, *rules).root == "first"
    assert of(WINDOWS, *rules).root == "second"


def test_layers_say_what_they_are_for() -> None:
    assert tuple(layers()) == LAYERS
    patterns = [pattern for layer in layers().values() for pattern in layer.node_agents]
    assert all(any(agent.startswith(pattern.rstrip("*")) for agent in AGENTS) for pattern in patterns)


def test_images_in_one_word() -> None:
    for image in SUPPORTED:
        assert of_urn(urn(image.image_reference)) == image.image_reference
    assert urn(of_urn("a:b:c:1:2")) == "a:b:c:1:2"
    assert urn(of_urn("a")) == "a:::"
