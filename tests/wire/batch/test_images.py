"""Supported images."""

from __future__ import annotations

from batchite.wire.batch.images import AGENTS, SKUS, SUPPORTED, agent_for
from batchite.wire.batch.models.enums import OSType
from batchite.wire.batch.models.images import BatchVmImageReference


def test_every_image_is_found_with_its_agent() -> None:
    for image in SUPPORTED:
        assert agent_for(image.image_reference) == image.node_agent_sku_id


def test_images_are_listed_once() -> None:
    references = [image.image_reference for image in SUPPORTED]
    assert len(set(references)) == len(references)
    assert {image.node_agent_sku_id for image in SUPPORTED} == set(AGENTS)


def test_agents_are_listed_with_their_images_the_newest_first() -> None:
    assert [sku.id for sku in SKUS] == list(AGENTS)
    assert [image for sku in SKUS for image in sku.verified_image_references] == [
        image.image_reference for image in SUPPORTED
    ]
    ubuntu = [sku.id for sku in SKUS if sku.id.startswith("batch.node.ubuntu")]
    assert ubuntu == sorted(ubuntu, reverse=True)
    assert {"batch.node.ubuntu 14.04", "batch.node.ubuntu 16.04"} < set(ubuntu)


def test_case_does_not_matter_and_the_rest_does() -> None:
    reference = BatchVmImageReference(publisher="Canonical", offer="UbuntuServer", sku="18.04-LTS")
    assert agent_for(reference) == "batch.node.ubuntu 18.04"
    assert agent_for(BatchVmImageReference(publisher="canonical", offer="ubuntuserver")) is None


def test_images_of_windows_are_shown_as_such() -> None:
    windows = BatchVmImageReference(
        publisher="microsoftwindowsserver", offer="windowsserver", sku="2022-datacenter"
    )
    assert agent_for(windows) == "batch.node.windows amd64"
    kinds = {image.node_agent_sku_id: image.os_type for image in SUPPORTED}
    assert [agent for agent, kind in kinds.items() if kind is OSType.WINDOWS] == ["batch.node.windows amd64"]
    assert [sku.id for sku in SKUS if sku.os_type is OSType.WINDOWS] == ["batch.node.windows amd64"]
