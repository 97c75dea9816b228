"""Which sandbox a node gets."""

from __future__ import annotations

from batchite.link.spec import NodeSpec
from batchite.nodes.sandbox.base import Sandbox
from batchite.nodes.sandbox.process import ProcessSandbox

_ONLY = "This version has no other tier."


def choose(spec: NodeSpec, node: str) -> Sandbox:
    """The sandbox of the node in this directory; must be called in the main thread of a running loop.
    Raises OSError."""
    return ProcessSandbox(node, _ONLY, spec.root)
