"""Nodes whose boot fails: each is tried again, after a pause that grows as long as nothing comes of it.

A boot has failed when nothing of the node runs any more before it has come to take tasks: its agent never
spoke, or ended while the start task ran. What fails once may do better the next time; where all nodes of a
pool fail alike, because of their image, a full disk or a start task that ends the agent, trying at once
again would only keep the machine busy. So the node rests, `unusable` and with an error that says why, and is
then made anew under its id. A node whose start task has failed is none of these: it has booted.

When it is tried again follows from what its row says, so whoever owns the shard next knows it too.
"""

from __future__ import annotations

from typing import Final

import msgspec

from batchite.resources.boots import REASON
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import HaltNode, TellFailing
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.batch.outcome import Failure, shortened
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

RETRY: Final = "boot-retry"
FIRST_PAUSE: Final = 5 * TICKS_PER_SECOND
LONGEST_PAUSE: Final = 600 * TICKS_PER_SECOND
TOLD_AT: Final = 3
"""Boots that failed one after the other, when the log says that a pool's nodes fail."""


def pause(failures: int) -> int:
    """Ticks until the next boot, after so many that failed one after the other."""
    return min(FIRST_PAUSE << min(max(failures - 1, 0), 16), LONGEST_PAUSE)


def retried_at(node: NodeState) -> int:
    """When an unusable node is tried again."""
    return node.failed_at + pause(node.failures)


def next_retry(state: ShardState) -> int | None:
    """When the first of the pool's unusable nodes is tried again; None if there is none."""
    return min((retried_at(node) for node in state.nodes.values() if node.phase == "unusable"), default=None)


def on_boot_failed(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> Failure:
    """The node rests until it is tried again. Returns what it shows as its error."""
    node.phase, node.failed_at = "unusable", at
    node.failures += 1
    _tell_once(state, node, decisions)
    resume(node, decisions)
    return _error(node)


def resume(node: NodeState, decisions: Decisions) -> None:
    """See to it that an unusable node is tried again."""
    decisions.changes.due_set.append(DueSet(RETRY, node.number, retried_at(node)))


def on_retry_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The pause is over: the node is made anew once nothing is left of it."""
    decisions.changes.due_cleared.append(DueCleared(RETRY, number))
    node = state.node(number)
    if node is not None and node.phase == "unusable" and node.vacating is None:
        decisions.effects.append(HaltNode(node.id, wipe=True))


def _tell_once(state: ShardState, node: NodeState, decisions: Decisions) -> None:
    """When the first of a pool's nodes has failed so often."""
    others = (other.failures for other in state.nodes.values() if other is not node)
    if state.pool is not None and node.failures == TOLD_AT and max(others, default=0) < TOLD_AT:
        decisions.effects.append(TellFailing(state.pool.id, node.failures, node.loss))


def _error(node: NodeState) -> Failure:
    times = "" if node.failures == 1 else f", {node.failures} times in a row"
    again = f"It is made anew at {Timestamp(retried_at(node))}, after a pause that grows with each failure."
    details = (
        (REASON, shortened(node.loss)),
        ("Failures", str(node.failures)),
        ("NextTry", str(Timestamp(retried_at(node)))),
    )
    if node.unprepared is not None:
        category, code, why, more = msgspec.structs.astuple(node.unprepared)
        return Failure(category, code, f"{why} {again} Or reboot the node then.", (*details, *more))
    message = (
        f"The node ended before it could take tasks{times}: {shortened(node.loss)}. {again} See what its "
        "agent says (batchite node log), mend the image, the start task or the machine, and reboot the node, "
        "or remove it."
    )
    return Failure("servererror", "NodeBootFailed", message, details)
