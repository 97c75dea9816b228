"""Where compute nodes come from: the contract every engine keeps.

An engine only starts and stops nodes. It knows nothing of tasks, and the service learns whether a
node works from the node's own link, not from the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NewType, Protocol

from batchite.link.spec import NodeSpec

Handle = NewType("Handle", str)
"""What an engine needs to find a node again; opaque to everybody else, stored by the service."""

Lost = Callable[[str, str], None]
"""Called with a node id and a reason once nothing of that node runs any more."""


class Engine(Protocol):
    """Starts and stops compute nodes."""

    async def start(self, spec: NodeSpec) -> Handle:
        """Ask for a node; returns at once. Starting a node that runs already returns its handle."""
        ...

    async def stop(self, node_id: str, handle: Handle | None, *, keep_files: bool = False) -> None:
        """End the node; returns once nothing of it runs any more. Not reported as lost.

        Its files go too unless `keep_files`: then a later `start` of the same id finds them.
        """
        ...

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        """Watch nodes started by an earlier process of the service, by node id.

        Those that are gone are reported as lost, and so is any node without a handle that
        cannot be found.
        """
        ...

    async def close(self) -> None:
        """Stop watching; the nodes go on."""
        ...
