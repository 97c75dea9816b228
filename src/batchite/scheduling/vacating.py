"""What becomes of a node's tasks when it is to take no more of them, for a purpose, and when nothing is left
that it waits for.

The wish is a value (`resources.vacating`) that the node keeps, in memory and in its row, so whoever owns the
shard next goes on with it. It has come from an operation, which stored it with an event of the pool (and has
set the state that clients are to see), or is decided here (`begin`). From then on:

- placement gives the node nothing (`predicates.why_none_on`);
- `requeue` and `terminate` end what it has. `taskcompletion` and `retaineddata` let run what runs, and fetch
  back what waits on the node only because it was leased ahead;
- a node of which nothing is left that its option waits for is *vacant*, and its purpose is carried out, once
  by each owner (`CARRY_OUT`).

To give a purpose something to do: a function in `CARRY_OUT`, which has what is to happen done, and calls
`release` once that is over and the node may take tasks again; its words in `_WHY`; its state, if clients see
one from the beginning, in `PHASES`. An operation stores the columns `vacating` and `vacating_option` and an
event of the pool, which brings them here (`on_wanted`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Final, get_args

from batchite.resources.vacating import HALTING, PREEMPTED, REMOVED, Option, Purpose, Vacating
from batchite.scheduling.assignments import end, recall
from batchite.scheduling.changes.nodes import NodeVacating
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions, ReadRetention
from batchite.scheduling.effects import HaltNode, StopNode
from batchite.scheduling.ending import Ending
from batchite.scheduling.state import NodePhase, NodeState, ShardState
from batchite.wire.batch.outcome import Failure
from batchite.wire.ticks import TICKS_PER_SECOND

RETENTION: Final = "node-retention"
NOTICE: Final = "preemption-notice"
LOOK_AGAIN: Final = 600 * TICKS_PER_SECOND
"""Between two looks at how long files are kept: tasks may be deleted meanwhile, or kept for longer."""

PHASES: Final[Mapping[Purpose, NodePhase]] = {
    "remove": "leavingpool",
    "reboot": "rebooting",
    "reimage": "reimaging",
    "deallocate": "deallocating",
}
"""The state that a node has from when the purpose is known; without one it stays idle or running."""
ENDS_NODE: Final[tuple[Purpose, ...]] = ("remove", "reboot", "reimage", "deallocate")
"""What ends the node's processes anyway: if its tasks are to be ended, that need not be waited for."""
WIPING: Final[tuple[Purpose, ...]] = ("reimage", "deallocate", "preempt")
"""What takes its files from it."""

_WHY: Final[Mapping[Purpose, str]] = {
    "remove": "its node leaves the pool",
    "reboot": "its node is rebooted",
    "reimage": "its node is reimaged",
    "deallocate": "its node is deallocated",
    "disable": "its node is to take no tasks",
    "preempt": "its node is preempted",
}


def _ending(purpose: Purpose, option: Option) -> Ending | None:
    message = f"The task was ended because {_WHY[purpose]}."
    if option == "requeue":
        return Ending("requeue", False, Failure("servererror", "TaskEnded", message))
    if option == "terminate":
        return Ending("complete", False, Failure("usererror", "TaskEnded", message))
    return None


_ENDINGS: Final = {
    (purpose, option): _ending(purpose, option)
    for purpose, option in product(get_args(Purpose), get_args(Option))
}


def ending(state: ShardState, wanted: Vacating | None) -> Ending | None:
    """What tasks of such a node come to; None: they run on."""
    how = None if wanted is None else _ENDINGS[wanted.purpose, wanted.option]
    if how is not None and wanted == PREEMPTED:
        return replace(how, notice=state.preemption.notice, counts=False)
    return how


def begin(state: ShardState, node: NodeState, wanted: Vacating, at: int, decisions: Decisions) -> None:
    """Have the node take no more tasks, and what it has end as wanted. A later wish takes the place of an
    earlier one, except that a node which is to leave leaves; what else it was about to do is kept for when it
    is to stay after all (`take_back`)."""
    known = node.vacating
    if wanted == known or (known is not None and known.purpose == "remove" != wanted.purpose):
        return
    if wanted.purpose == "remove" and halts(node) and not node.is_vacated:
        node.interrupted = known
    node.vacating, node.is_vacated, node.retained_until = wanted, False, None
    node.phase = PHASES.get(wanted.purpose, node.phase)
    if (how := ending(state, wanted)) is not None:
        for assignment in node.assignments.values():
            end(assignment, how, decisions)
    if wanted == PREEMPTED:
        decisions.changes.due_set.append(DueSet(NOTICE, node.number, at + state.preemption.notice))
    _proceed(state, node, at, decisions)


def on_wanted(state: ShardState, wanted: Mapping[str, Vacating], at: int, decisions: Decisions) -> None:
    """What the store says is wanted of nodes, by their ids."""
    for node_id, vacating in wanted.items():
        if (node := state.nodes.get(node_id)) is not None:
            node.stored_vacating = vacating
            begin(state, node, vacating, at, decisions)


def halts(node: NodeState) -> bool:
    """Whether it is to be ended, and stays in the pool."""
    return node.vacating is not None and node.vacating.purpose in HALTING


def halt(node: NodeState, decisions: Decisions) -> None:
    """Have the node ended for what is wanted of it; answered by `restarts.on_node_ended`."""
    if node.vacating is not None:
        node.is_vacated = True
        decisions.effects.append(HaltNode(node.id, node.vacating.purpose in WIPING))


def release(state: ShardState, node: NodeState, decisions: Decisions) -> None:
    """The node takes tasks again: nothing is wanted of it any more, or what was wanted has been done."""
    node.vacating, node.is_vacated, node.retained_until, node.interrupted = None, False, None, None
    if node.phase == "leavingpool":
        node.phase = _phase(node)
    forget(node, decisions)


def take_back(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """The node is to stay after all, and to do what it was about to do before it was to leave."""
    before = node.interrupted
    release(state, node, decisions)
    if before is not None:
        begin(state, node, before, at, decisions)


def proceed(state: ShardState, at: int, decisions: Decisions) -> None:
    """See how far nodes have come that take no more tasks; call it in every batch."""
    anew = bool(decisions.changes.removed)
    for node in state.nodes.values():
        if node.vacating is not None and not node.is_vacated:
            if anew:
                node.retained_until = None
            _proceed(state, node, at, decisions)


def on_retention_read(state: ShardState, number: int, until: int) -> None:
    """Files of tasks that ran on the node are kept until then; 0 if there are none."""
    if (node := state.node(number)) is not None:
        node.retained_until = until


def on_retention_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """It is time to look again how long the node's files are kept."""
    decisions.changes.due_cleared.append(DueCleared(RETENTION, number))
    if (node := state.node(number)) is not None:
        node.retained_until = node.looks_at = None


def on_files_removed(state: ShardState) -> None:
    """A job has gone with its tasks, whose files nobody keeps any more."""
    for node in state.nodes.values():
        node.retained_until = None


def forget(node: NodeState, decisions: Decisions) -> None:
    """Nobody is to look at the node's files any more."""
    if node.looks_at is not None:
        node.looks_at = None
        decisions.changes.due_cleared.append(DueCleared(RETENTION, node.number))


def settle(node: NodeState, decisions: Decisions) -> None:
    """Record what the node is to stop taking tasks for, if its row says something else."""
    wanted, before = node.vacating, node.interrupted
    if wanted is node.stored_vacating and before is node.stored_interrupted:
        return
    if wanted == REMOVED and node.stored_vacating is None:
        node.stored_vacating = wanted  # which its state says, too
    if (wanted, before) != (node.stored_vacating, node.stored_interrupted):
        was = None if node.stored_vacating is None else node.stored_vacating.purpose
        change = NodeVacating(node.number, was, *_columns(wanted), *_columns(before))
        decisions.changes.node_vacating.append(change)
        node.stored_vacating, node.stored_interrupted = wanted, before


def _columns(wanted: Vacating | None) -> tuple[Purpose, Option] | tuple[None, None]:
    return (None, None) if wanted is None else (wanted.purpose, wanted.option)


def _proceed(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    wanted = node.vacating
    if wanted is None:
        return
    if not wanted.ends_tasks:
        for assignment in node.assignments.values():
            recall(assignment, decisions)
    if _is_vacant(node, wanted, at, decisions):
        node.is_vacated = True
        forget(node, decisions)
        if (carry_out := CARRY_OUT.get(wanted.purpose)) is not None:
            carry_out(state, node, at, decisions)


def _is_vacant(node: NodeState, wanted: Vacating, at: int, decisions: Decisions) -> bool:
    if wanted.ends_tasks and wanted.purpose in ENDS_NODE:
        return True
    if node.assignments:
        return False
    return wanted.option != "retaineddata" or not _retains(node, at, decisions)


def _retains(node: NodeState, at: int, decisions: Decisions) -> bool:
    """Whether somebody may still want files of tasks that ran there, as far as is known."""
    if node.retained_until is None:
        decisions.reads.append(ReadRetention(node.number))
        return True
    if node.retained_until <= at:
        return False
    if node.looks_at is None:
        node.looks_at = min(node.retained_until, at + LOOK_AGAIN)
        decisions.changes.due_set.append(DueSet(RETENTION, node.number, node.looks_at))
    return True


def _phase(node: NodeState) -> NodePhase:
    """The state of a node that has booted and takes tasks again if it may."""
    start_task = node.start_task
    if start_task is not None and start_task.wait_for_success:
        if not node.start_task_done:
            return "waitingforstarttask"
        if node.start_task_failed:
            return "starttaskfailed"
    return "running" if node.assignments else "idle"


def _leave(_state: ShardState, node: NodeState, _at: int, decisions: Decisions) -> None:
    """Answered by `on_node_gone`."""
    decisions.effects.append(StopNode(node.id))


def _halt(_state: ShardState, node: NodeState, _at: int, decisions: Decisions) -> None:
    halt(node, decisions)


def _disable(state: ShardState, node: NodeState, _at: int, decisions: Decisions) -> None:
    """It takes no tasks anyway, until scheduling is enabled."""
    release(state, node, decisions)


CARRY_OUT: Final[Mapping[Purpose, Callable[[ShardState, NodeState, int, Decisions], None]]] = {
    "remove": _leave,
    "reboot": _halt,
    "reimage": _halt,
    "deallocate": _halt,
    "disable": _disable,
    "preempt": _halt,
}
"""What happens to a node once it is vacant."""
