"""The images of a service's pools as its nodes are told them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchite.configuration.images import HOST, ImageRule
from batchite.images import roots
from batchite.images.absent import absence
from batchite.images.errors import ImageError
from batchite.images.layer import Layer, layers
from batchite.images.mapping import Meaning, meaning
from batchite.link.spec import NodeImage, NodeLayer
from batchite.wire.batch import images

LAYERS = "layers"
"""where they are made, below the data directory"""


class NodeImages:
    """`data_dir` holds the root file systems that were added, and the layers that were made."""

    def __init__(self, data_dir: Path, rules: Sequence[ImageRule]) -> None:
        self._data_dir = data_dir
        self._rules = rules

    def of(self, image: str) -> NodeImage:
        """For a pool of that image (PUBLISHER:OFFER:SKU:VERSION), as things are now; makes its layer where
        there is none, and waits for the disk then. Raises ImageError, and OSError."""
        if not image:
            return NodeImage()
        added = [root.name for root in roots.listed(self._data_dir)]
        means = meaning(images.of_urn(image), self._rules, layers(), added)
        if means.root != HOST and means.root not in added:
            raise ImageError(f"the image {image} means {absence(means.root)}")
        return NodeImage(
            system=means.root,
            layer=means.layer,
            root="" if means.root == HOST else str(roots.place(self._data_dir, means.root)),
            layers=self._layers(means),
            environment=dict(means.environment),
            path=means.path,
            has_system_python=means.root != HOST or (means.layer != "" and _layer(means).has_system_python),
            is_windows=means.is_windows,
        )

    def _layers(self, means: Meaning) -> tuple[NodeLayer, ...]:
        if not means.layer:
            return ()
        from batchite.images import building  # only here: most pools have none, and a start is imports

        layer = _layer(means)
        root = Path("/") if means.root == HOST else roots.place(self._data_dir, means.root)
        directory = building.build(self._data_dir / LAYERS, means.layer, layer, root)
        return (NodeLayer(str(directory), dict(layer.environment), layer.path),)


def _layer(means: Meaning) -> Layer:
    return layers()[means.layer]
