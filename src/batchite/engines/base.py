"""Where compute nodes come from: the contract every engine keeps.

An engine only starts and stops nodes. It knows nothing of tasks, and the service learns whether a
node works from the node's own link, not from the engine. What is asked of one node at the same time
is done one after the other, and is carried out even if whoever asked does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NewType, Protocol

from batchite.link.spec import NodeSpec

GRACE_SECONDS = 5.0
"""How long a node may take to end its tasks, if nobody says otherwise."""

Handle = NewType("Handle", str)
"""What an engine needs to find a node again; opaque to everybody else, stored by the service."""

Lost = Callable[[str, str], None]
"""Called with a node id and a reason once nothing of that node runs any more."""


class Engine(Protocol):
    """Starts and stops compute nodes."""

    async def start(self, spec: NodeSpec) -> Handle:
        """Ask for a node; returns at once. Starting a node that runs already returns its handle.

        If a node of this id was begun with another spec, it is ended first, and its files stay.
        Raises OSError if there is no room for the node at present.
        """
        ...

    async def stop(
        self,
        node_id: str,
        handle: Handle | None,
        *,
        keep_files: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """End the node; returns once nothing of it runs any more. Not reported as lost.

        It may take `grace` seconds to end its tasks in order; with 0 all of it is killed at once, which
        also ends a node that does not answer. Its files go too unless `keep_files`: then a later
        `start` of the same id finds them. Raises OSError if that cannot be done at present.
        """
        ...

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        """Watch nodes started by an earlier process of the service, by node id.

        Those that are gone are reported as lost, and so is any node without a handle that
        cannot be found; except for those that are stopped meanwhile. Raises OSError if some cannot
        be watched at present.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked for, then stop watching; the nodes go on."""
        ...
