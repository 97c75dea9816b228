"""What the API asks of whoever runs the shards, without knowing who that is.

`batch` calls it, `dispatch` implements it, and neither imports the other.
"""

from __future__ import annotations

from typing import Protocol


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
