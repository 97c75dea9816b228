"""What the API asks of whoever runs the shards, without knowing who that is.

`batch` calls it, `dispatch` implements it, and neither imports the other.
"""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

from batchite.scheduling.room import Limits
from batchite.scheduling.state import ShardState


class NodeUse(Protocol):
    """What a node uses with its agent; None: it cannot be told there."""

    @property
    def processes(self) -> int | None: ...
    @property
    def memory(self) -> int | None:
        """Bytes that its processes have in memory; those that several share count for each."""
        ...

    @property
    def processor_seconds(self) -> float | None:
        """Since it booted."""
        ...

    @property
    def disk(self) -> int | None:
        """Bytes that the files below its directory take."""
        ...


class Owner(Protocol):
    """Whoever owns the shards, or knows who else may."""

    @property
    def is_stopping(self) -> bool:
        """It decides nothing any more: what is changed now waits for the next start."""
        ...

    def wake(self, shard: str) -> None:
        """The shard has new events. Only a hint: events are found without it, later."""
        ...

    async def settled(self, shard: str, sequence: int, seconds: float, *, task: int | None = None) -> bool:
        """Wait until the event and its consequences are on disk, whoever sees to them; False if that took
        longer, or is left to the next start. The event is on disk in any case, and will be seen to.

        `task` is the number of the one that the event wants ended or gone.
        """
        ...

    def look(self, connection: sa.Connection, shard: str, *, with_tasks: bool = True) -> ShardState:
        """The shard as the store has it, whoever owns it: its pool, nodes, open jobs and, `with_tasks`, what
        is on nodes, without windows and definitions of tasks. What the store does not keep, whether nodes are
        in contact, is added where it is known here; other nodes count as connected. Called in a thread of
        the database."""
        ...

    async def agent_log(self, node_id: str, most_bytes: int) -> str | None:
        """The last lines of what the node's agent has said of itself, in no more bytes than that; None if
        there is nothing, or another process answers for the node."""
        ...

    async def use(self, node_id: str) -> NodeUse | None:
        """What the node uses now: it is asked. None if it does not answer, or another process of the service
        answers for it."""
        ...

    async def upload_logs(
        self, node_id: str, container_url: str, directory: str, start: int, end: int | None
    ) -> int:
        """Have the node begin to upload what it has said between two moments, to blobs whose names begin with
        the directory. Returns how many files those are. Raises NodeUnreachableError."""
        ...

    def limits(self, account: str) -> Limits:
        """What nodes of the account have to keep within."""
        ...
