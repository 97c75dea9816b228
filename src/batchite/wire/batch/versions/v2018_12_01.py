"""What 2018-12-01.8.0 did otherwise than 2019-06-01.9.0."""

from __future__ import annotations

from batchite.wire.batch.models.containers import BatchTaskContainerSettings
from batchite.wire.batch.models.networks import NetworkSecurityGroupRule
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(NetworkSecurityGroupRule, "sourcePortRanges"),
    New(BatchTaskContainerSettings, "workingDirectory"),
)
