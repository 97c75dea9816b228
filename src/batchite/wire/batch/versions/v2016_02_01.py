"""What 2016-02-01.3.0 did otherwise than 2016-07-01.3.1."""

from __future__ import annotations

from batchite.wire.batch.models.commands import TaskShape
from batchite.wire.batch.models.jobs import JobChange, JobShape
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.models.tasks import OrdinaryTaskShape
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(PoolShape, "networkConfiguration"),
    New(JobChange, "onAllTasksComplete"),
    New(JobShape, "onTaskFailure"),
    New(TaskShape, "applicationPackageReferences"),
    New(OrdinaryTaskShape, "exitConditions"),
)
