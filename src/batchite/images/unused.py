"""Layers that were made and that no node uses any more."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from batchite.images.errors import ImageError
from batchite.images.node_images import LAYERS
from batchite.images.specs import specs
from batchite.machine import removal

log = logging.getLogger(__name__)


def remove_layers(data_dir: Path) -> None:
    """Those that no node was begun with, as they were made for another version of the service or of a system.
    One that is wanted again is made again. Nodes must not be started meanwhile."""
    place = data_dir / LAYERS
    try:
        made = [path for path in place.iterdir() if path.is_dir()]
        layers = (layer for spec in specs(data_dir) for layer in spec.image.layers) if made else ()
        used = {os.path.realpath(layer.directory) for layer in layers}
        for path in made:
            if os.path.realpath(path) not in used:
                removal.remove(str(path))
    except FileNotFoundError:
        return
    except (OSError, ImageError) as error:
        log.warning("layers that no node uses stay in %s: %s", place, error)
