"""Root file systems that the config file names and nobody has added, told before a node fails of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchite.configuration.images import HOST, ImageRule


def absence(root: str) -> str:
    """What is wrong with a root file system of this name that is not there, and what to do."""
    return (
        f"the root file system {root!r}, which is not there; add it with: batchite image add {root} "
        "--from-tar FILE"
    )


def absent(data_dir: Path, rules: Sequence[ImageRule]) -> list[str]:
    """A sentence for each that a rule means."""
    wanted = dict.fromkeys(rule.root for rule in rules if rule.root not in (None, HOST))
    if not wanted:
        return []
    from batchite.images import roots  # only here: few services have such rules, and a start is imports

    added = {root.name for root in roots.listed(data_dir)}
    return [f"[[images]] means {absence(root)}" for root in wanted if root and root not in added]
