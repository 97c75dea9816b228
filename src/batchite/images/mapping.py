"""What an image that a pool names means here: the operator's rules over what layers say they are for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from batchite.configuration.images import HOST, PATTERNS, ImageRule
from batchite.images.layer import Layer
from batchite.wire.batch import images
from batchite.wire.batch.models.images import BatchVmImageReference

_SAYS_NOTHING = ImageRule()


class Meaning(NamedTuple):
    """Of an image."""

    root: str
    """a root file system by name, or `host`"""
    layer: str
    """by name; empty: none"""
    environment: Mapping[str, str]
    path: tuple[str, ...]
    is_windows: bool


def meaning(
    reference: BatchVmImageReference,
    rules: Sequence[ImageRule],
    layers: Mapping[str, Layer],
    roots: Collection[str],
) -> Meaning:
    """`roots` are the root file systems that were added. The one that a rule names need not be among them."""
    agent = images.agent_for(reference) or ""
    rule = next((rule for rule in rules if _matches(rule, reference, agent)), _SAYS_NOTHING)
    usual = next((name for name, one in layers.items() if _is_for(one, agent)), "")
    layer = usual if rule.layer is None else rule.layer
    return Meaning(
        root=_usual_root(layers.get(layer), roots) if rule.root is None else rule.root,
        layer=layer,
        environment=rule.environment,
        path=rule.path,
        is_windows=images.is_windows(agent) and layer != "",
    )


def _matches(rule: ImageRule, reference: BatchVmImageReference, agent: str) -> bool:
    named = {name: getattr(reference, name, agent) for name in PATTERNS}
    return all(
        fnmatchcase(value.lower() if isinstance(value, str) else "", getattr(rule, name).lower())
        for name, value in named.items()
    )


def _is_for(layer: Layer, agent: str) -> bool:
    return any(fnmatchcase(agent, pattern) for pattern in layer.node_agents)


def _usual_root(layer: Layer | None, roots: Collection[str]) -> str:
    return layer.root if layer is not None and layer.root in roots else HOST
