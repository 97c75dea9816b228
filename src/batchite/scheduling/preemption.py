"""Low-priority nodes that are taken away: when somebody asks for it, or unasked at a rate.

A node that is to go takes no more tasks, and what runs there is asked to end (SIGTERM). It has the notice for
that; what comes to a good end by then is completed, everything else waits again and does not count as retried
or requeued. Then the node is ended with its files and rests, `preempted`, still a node of its pool, until
there is a machine for it again: it is made anew under its id (`scheduling.restarts`).

How long a node is there until it is taken away unasked follows from its id and the moment at which it was
ready, as if it were drawn by lot: so a test that knows both knows it, and an owner that comes later too.
"""

from __future__ import annotations

import hashlib
import math
from typing import Final

from batchite.resources.vacating import PREEMPTED
from batchite.scheduling import vacating
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.state import NodeState, ShardState

UNASKED: Final = "preemption"
ABSENCE: Final = "preemption-absence"
_BITS: Final = 53


def stay(node_id: str, ready: int, mean: int) -> int:
    """Ticks for which a node that is ready at that moment is there, of a distribution without memory."""
    digest = hashlib.sha256(f"{node_id} {ready}".encode()).digest()
    share = (int.from_bytes(digest[:8]) >> (64 - _BITS)) / 2**_BITS
    return max(1, round(-math.log(1 - share) * mean))


def on_node_ready(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """The node takes tasks from now on."""
    mean = state.preemption.mean
    if mean is not None and not node.dedicated:
        decisions.changes.due_set.append(DueSet(UNASKED, node.number, at + stay(node.id, at, mean)))


def on_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """A node is to be taken away, unless it is on its way elsewhere or the operator wants that no more."""
    decisions.changes.due_cleared.append(DueCleared(UNASKED, number))
    node = state.node(number)
    if node is None or not node.is_ready or state.preemption.mean is None:
        return
    if node.vacating is None or node.vacating.purpose == "disable":
        vacating.begin(state, node, PREEMPTED, at, decisions)


def on_notice_over(state: ShardState, number: int, _at: int, decisions: Decisions) -> None:
    """Whatever still runs there is ended with the node."""
    decisions.changes.due_cleared.append(DueCleared(vacating.NOTICE, number))
    node = state.node(number)
    if node is not None and node.vacating == PREEMPTED and not node.is_vacated:
        vacating.halt(node, decisions)


def expect_return(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """A node that was preempted waits for a machine."""
    decisions.changes.due_cleared.append(DueCleared(vacating.NOTICE, node.number))
    decisions.changes.due_set.append(DueSet(ABSENCE, node.number, at + state.preemption.absence))
