"""What of images is kept and told when a service starts."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from tests.nodes.peer import node_spec

from batchite.configuration.images import ImageRule
from batchite.images.absent import absent
from batchite.images.building import build
from batchite.images.layer import Layer, LayerFile
from batchite.images.node_images import LAYERS
from batchite.images.unused import remove_layers
from batchite.link.spec import FILE_NAME, NodeImage, NodeLayer


def layer(data: Path, text: str) -> Path:
    made = Layer("a test", (), files={"/etc/x": LayerFile(text)})
    return build(data / LAYERS, "test", made, Path("/"))


def tell(data: Path, node_id: str, *layers: Path) -> Path:
    image = NodeImage(layers=tuple(NodeLayer(str(one)) for one in layers))
    told = data / "nodes" / node_id / FILE_NAME
    told.parent.mkdir(parents=True)
    told.write_bytes(msgspec.json.encode(node_spec("http://localhost", node_id=node_id, image=image)))
    return told


def test_layers_go_that_no_node_was_begun_with(tmp_path: Path) -> None:
    """Whatever path leads to them now."""
    data, link = tmp_path / "data", tmp_path / "link"
    link.symlink_to(data)
    used, old = layer(data, "used"), layer(data, "old")
    (data / LAYERS / ".new-killed").mkdir()
    told = tell(data, "tvm-1", link / LAYERS / used.name)
    remove_layers(data)
    assert os.listdir(data / LAYERS) == [used.name]
    assert (used / "etc/x").read_text() == "used"
    assert layer(data, "old") == old
    told.unlink()
    remove_layers(link)
    assert os.listdir(data / LAYERS) == []


def test_all_stay_while_it_cannot_be_told_what_a_node_uses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    remove_layers(tmp_path)
    assert os.listdir(tmp_path) == []
    made = layer(tmp_path, "used")
    told = tell(tmp_path, "tvm-1", made)
    told.write_text("{")
    remove_layers(tmp_path)
    assert made.exists()
    assert str(told) in caplog.text


def test_root_file_systems_that_rules_mean_and_nobody_has_added_are_told(tmp_path: Path) -> None:
    rules = [ImageRule(root=root) for root in (None, "host", "mine", "mine", "theirs")]
    assert absent(tmp_path, rules) == [
        f"[[images]] means the root file system {name!r}, which is not there; "
        f"add it with: batchite image add {name} --from-tar FILE"
        for name in ("mine", "theirs")
    ]
    assert absent(tmp_path, rules[:2]) == []
