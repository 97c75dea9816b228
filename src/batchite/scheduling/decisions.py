"""What one batch of events leads to: changes for the store, effects that may happen once those are on disk,
and reads of what the reactor does not keep in memory.
"""

from __future__ import annotations

import msgspec

from batchite.scheduling.changes import Changes
from batchite.scheduling.effects import Effect
from batchite.scheduling.state import Lane


class ReadWindow(msgspec.Struct, frozen=True):
    """Read active tasks past the cursor; answered by `on_window_read`."""

    job: int
    lane: Lane
    after: int
    limit: int
    size: int
    """bytes of definitions after which it is enough"""


class ReadTask(msgspec.Struct, frozen=True):
    """Read the task if it waits still; answered by `on_task_read`."""

    task: int


Read = ReadWindow | ReadTask


class Decisions(msgspec.Struct):
    """What one batch of events leads to."""

    changes: Changes = msgspec.field(default_factory=Changes)
    effects: list[Effect] = msgspec.field(default_factory=list)
    reads: list[Read] = msgspec.field(default_factory=list)

    def take_reads(self) -> list[Read]:
        """What is to be read, which is not asked for again."""
        reads, self.reads = self.reads, []
        return reads
