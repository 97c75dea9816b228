"""What ran on the nodes of a pool, and when, as it is read for a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class NodeRun(NamedTuple):
    """The last run of a task; times are ticks."""

    node_no: int
    node_id: str
    job_id: str
    task_id: str
    state: str
    """as tasks are counted: running, succeeded or failed"""
    slots: int
    began: int
    ended: int | None
    """None: it goes on"""


class NodeRuns(NamedTuple):
    """Runs on nodes of one pool, in the order they began, each node's."""

    runs: Sequence[NodeRun]
    since: int
    """from when on all that ended is there, and what goes on"""
