"""Jobs that end or go without waiting for their nodes.

Nodes are told to end what they have, as ever, and what they say of it afterwards is of an old attempt, which
nobody listens to. A node that cannot be reached is told when it comes again (`nodes.on_node_connected`).
"""

from __future__ import annotations

from batchite.scheduling.decisions import Decisions
from batchite.scheduling.state import ShardState
from batchite.scheduling.tasks import take_back


def proceed(state: ShardState, at: int, decisions: Decisions) -> None:
    """Let go of what such jobs have on nodes; call it in every batch."""
    for job in [job for job in state.jobs.values() if job.is_forced]:
        for assignment in list(job.assignments.values()):
            take_back(state, assignment, at, decisions)
