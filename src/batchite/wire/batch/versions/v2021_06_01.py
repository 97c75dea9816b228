"""What 2021-06-01.14.0 did otherwise than 2022-01-01.15.0."""

from __future__ import annotations

from batchite.wire.batch.models.jobs import BatchJobReplaceOptions, JobChange
from batchite.wire.batch.models.transfers import OutputFileBlobContainerDestination
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(JobChange, "allowTaskPreemption"),
    New(BatchJobReplaceOptions, "maxParallelTasks"),
    New(OutputFileBlobContainerDestination, "uploadHeaders"),
)
