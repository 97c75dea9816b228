"""What the agents of nodes were told when they were begun: by it is known what of images they use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from batchite.images.errors import ImageError
from batchite.link.spec import FILE_NAME, NodeSpec


def specs(data_dir: Path) -> Iterator[NodeSpec]:
    """Of all nodes that are not removed. Raises ImageError for one that nobody can read."""
    for told in sorted((data_dir / "nodes").glob(f"*/{FILE_NAME}")):
        try:
            yield msgspec.json.decode(told.read_bytes(), type=NodeSpec)
        except FileNotFoundError:  # removed meanwhile
            continue
        except (OSError, msgspec.DecodeError) as error:
            raise ImageError(f"{told}, which says what a node uses, cannot be read: {error}") from None
