"""Changes of what is due at a time."""

from __future__ import annotations

from typing import Literal

import msgspec

from batchite.resources.job_nodes import FilesDue

DueKind = Literal[
    "resize-timeout",
    "job-wall-clock",
    "empty-job",
    "replace-nodes",
    "task-retry",
    "preparation-retry",
    "start-task-retry",
    "node-retention",
    "task-retention",
    FilesDue,
    "autoscale-sample",
    "autoscale-evaluation",
    "boot-retry",
    "preemption",
    "preemption-notice",
    "preemption-absence",
]


class DueSet(msgspec.Struct, frozen=True):
    kind: DueKind
    subject: int
    at: int


class Paused(msgspec.Struct, frozen=True):
    """Due when so many ticks have passed since it is written: the times that nodes report may be those of
    another clock."""

    kind: DueKind
    subject: int
    ticks: int


class DueCleared(msgspec.Struct, frozen=True):
    kind: DueKind
    subject: int
