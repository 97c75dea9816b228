"""What one batch of events leads to: changes for the store, effects that may happen once those are on disk,
and reads of what the reactor does not keep in memory.
"""

from __future__ import annotations

import msgspec

from batchite.resources.job_nodes import JobTask
from batchite.scheduling.changes import Changes
from batchite.scheduling.effects import Effect
from batchite.scheduling.windows import Lane, Place


class ReadWindow(msgspec.Struct, frozen=True):
    """Read active tasks past the cursor; answered by `on_window_read`."""

    job: int
    lane: Lane
    after: Place
    limit: int
    size: int
    """bytes of definitions after which it is enough"""


class ReadTask(msgspec.Struct, frozen=True):
    """Read the task if it waits still; answered by `on_task_read`."""

    task: int


class ReadRetention(msgspec.Struct, frozen=True):
    """Read how long files of tasks that ran on the node are kept; answered by `on_retention_read`."""

    node: int


class ReadExpired(msgspec.Struct, frozen=True):
    """Read which tasks that ran on the node are to have no files any more; answered by `on_expired_read`."""

    node: int
    id: str


class ReadKept(msgspec.Struct, frozen=True):
    """Read which of these directories of the node, by their names below `workitems`, are nobody's; answered
    by `on_kept_read`."""

    node: int
    id: str
    directories: tuple[tuple[str, str, str], ...]


class ReadJobFiles(msgspec.Struct, frozen=True):
    """Read where files of a job's preparation or release are that are to go; answered by
    `on_job_files_read`."""

    task: JobTask
    number: int


class ReadFormula(msgspec.Struct, frozen=True):
    """Read the pool's autoscale formula and what it looks at, and evaluate it; answered by
    `on_formula_evaluated`."""

    pool: int


Read = ReadWindow | ReadTask | ReadRetention | ReadExpired | ReadKept | ReadJobFiles | ReadFormula


class Decisions(msgspec.Struct):
    """What one batch of events leads to."""

    changes: Changes = msgspec.field(default_factory=Changes)
    effects: list[Effect] = msgspec.field(default_factory=list)
    reads: list[Read] = msgspec.field(default_factory=list)

    def take_reads(self) -> list[Read]:
        """What is to be read, which is not asked for again."""
        reads, self.reads = self.reads, []
        return reads
