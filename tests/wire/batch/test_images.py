"""Supported images."""

from __future__ import annotations

from batchite.wire.batch.images import AGENTS, SUPPORTED, agent_for
from batchite.wire.batch.models.images import BatchVmImageReference


def test_every_image_is_found_with_its_agent() -> None:
    for image in SUPPORTED:
        assert agent_for(image.image_reference) == image.node_agent_sku_id


def test_images_are_listed_once() -> None:
    references = [image.image_reference for image in SUPPORTED]
    assert len(set(references)) == len(references)
    assert {image.node_agent_sku_id for image in SUPPORTED} == set(AGENTS)


def test_case_does_not_matter_and_the_rest_does() -> None:
    reference = BatchVmImageReference(publisher="Canonical", offer="UbuntuServer", sku="18.04-LTS")
    assert agent_for(reference) == "batch.node.ubuntu 18.04"
    assert agent_for(BatchVmImageReference(publisher="canonical", offer="ubuntuserver")) is None
    windows = BatchVmImageReference(
        publisher="microsoftwindowsserver", offer="windowsserver", sku="2022-datacenter"
    )
    assert agent_for(windows) is None
