"""Where compute nodes come from: the contract every engine keeps.

An engine only starts and stops nodes. It knows nothing of tasks, and the service learns whether a
node works from the node's own link, not from the engine. What is asked of one node at the same time
is done one after the other, in the order of the calls, and is carried out even if whoever asked does not
wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NewType, Protocol

from batchite.link.spec import NodeSpec
from batchite.wire.batch.vm_sizes import VmSize

GRACE_SECONDS = 5.0
"""How long a node may take to end its tasks, if nobody says otherwise."""

Handle = NewType("Handle", str)
"""What an engine needs to find a node again; opaque to everybody else, stored by the service."""

Lost = Callable[[str, str], None]
"""Called with a node id and a reason once nothing of that node runs any more. Its files stay until it is
stopped without `keep_files`."""


class Taken(NamedTuple):
    """The engine has taken the request for a node."""

    handle: Handle
    is_pending: bool = False
    """The node waits for its machine, maybe for hours: it is being created until its agent speaks, and its
    silence means nothing. An engine that gives it up reports it as lost."""


Outcome = Taken | Exception
"""Of starting one node; OSError if there is no room for it at present."""


class Pace(NamedTuple):
    """How many nodes an engine is asked for while those asked for before have not spoken."""

    at_once: int
    of_a_pool: int
    """fewer, so that a pool whose nodes never come up leaves room for others"""


class Engine(Protocol):
    """Starts and stops compute nodes."""

    @property
    def pace(self) -> Pace: ...

    def prepare(self) -> None:
        """Whatever makes the first nodes come sooner, while nobody waits for them. Returns at once, and need
        not be called."""
        ...

    async def start(self, specs: Sequence[NodeSpec], size: VmSize) -> Mapping[str, Outcome]:
        """Ask for nodes of that size, each of another id; returns at once, with the outcome of each by node
        id. What becomes of one has no effect on the others.

        Starting a node that runs or waits already returns its handle. If a node of this id was begun with
        another spec, it is ended first, and its files stay.
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

        One at a time, since each node takes its own time to end; an engine may gather what it is asked
        within a turn of the loop.

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

    async def log(self, node_id: str, handle: Handle | None, most_bytes: int) -> str | None:
        """The last lines of what the node's agent has said of itself, in no more bytes than that; None if
        there is nothing, or it cannot be had at present.

        It waits for nothing that is asked of the node, and what tasks have put in the place of the log is
        not followed elsewhere.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked for, then stop watching; the nodes go on."""
        ...
