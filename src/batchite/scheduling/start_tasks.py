"""What comes of a node's start task: it runs when the node has booted, and again as long as it may."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from batchite.link.messages import RunEnded, RunKey, RunStarted
from batchite.resources.rules import StartTaskRules
from batchite.scheduling import retries
from batchite.scheduling.changes.nodes import StartTaskChanged
from batchite.scheduling.changes.times import DueCleared, Paused
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import RunAtOnce
from batchite.scheduling.state import NodeState, ShardState

RETRY: Final = "start-task-retry"
KIND: Final = "starttask"
NUMBER: Final = 0
"""Of every start task: a node has one."""


def begin(node: NodeState, decisions: Decisions) -> None:
    """First contact after a boot: the start task, if there is one."""
    start_task = node.start_task
    if start_task is None:
        node.start_task_done = True
        node.phase = "idle"
        return
    node.phase = "waitingforstarttask" if start_task.wait_for_success else "idle"
    node.start_task_attempt = max(node.start_task_attempt, 1)
    run(node, decisions)


def run(node: NodeState, decisions: Decisions) -> None:
    """Have the node run it, in the attempt it has come to."""
    if node.start_task is not None:
        run_ = RunAtOnce(
            node.id,
            KIND,
            NUMBER,
            node.start_task_attempt,
            node.start_task.definition,
            node.start_task_retries,
        )
        decisions.effects.append(run_)


def run_again(node: NodeState, held: Set[RunKey], decisions: Decisions) -> None:
    """A node speaks again, which holds these runs: it may not have heard of the start task."""
    if node.is_leaving or node.start_task_done:
        return
    if RunKey(NUMBER, node.start_task_attempt, KIND) not in held:
        run(node, decisions)


def count_retry(node: NodeState, start_task: StartTaskRules, exit_code: int | None) -> bool:
    """Whether it is run once more after a run that ended so; that one is counted then."""
    if not retries.may_follow(exit_code, start_task.max_retries, node.start_task_retries):
        return False
    node.start_task_retries += 1
    node.start_task_attempt += 1
    return True


def on_start_task_started(node: NodeState, report: RunStarted, decisions: Decisions) -> None:
    if _is_current(node, report):
        decisions.changes.start_task_changed.append(
            StartTaskChanged(
                node.number,
                report.attempt,
                "running",
                node.start_task_retries,
                _retried(node, report.started),
                report.started,
            )
        )


def on_start_task_ended(_state: ShardState, node: NodeState, report: RunEnded, decisions: Decisions) -> None:
    """Only a non-zero exit code is retried; after the last failure a node that waits is of no use."""
    if not _is_current(node, report):
        return
    exit_ = report.exit
    started = exit_.shown_start
    decisions.changes.start_task_changed.append(
        StartTaskChanged(
            node.number,
            report.attempt,
            "completed",
            node.start_task_retries,
            _retried(node, started),
            started,
            exit_.ended,
            exit_.exit_code,
            exit_.failure,
        )
    )
    if _retry(node, exit_.exit_code, decisions):
        return
    node.start_task_done, node.start_task_failed = True, exit_.failure is not None
    if node.phase == "waitingforstarttask":
        node.phase = "idle" if exit_.failure is None else "starttaskfailed"


def on_start_task_retry_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The pause before a node's start task is run again is over. A node that is not connected is told when
    it is."""
    decisions.changes.due_cleared.append(DueCleared(RETRY, number))
    node = next((node for node in state.nodes.values() if node.number == number), None)
    if node is not None and node.connected and not node.start_task_done and not node.is_leaving:
        run(node, decisions)


def _is_current(node: NodeState, report: RunStarted | RunEnded) -> bool:
    return report.attempt == node.start_task_attempt and not node.start_task_done


def _retry(node: NodeState, exit_code: int | None, decisions: Decisions) -> bool:
    """Whether it is run again, soon or at once."""
    start_task = node.start_task
    if start_task is None or not count_retry(node, start_task, exit_code):
        return False
    pause = retries.pause(start_task.max_retries, node.start_task_retries - 1)
    if pause:
        decisions.changes.paused.append(Paused(RETRY, node.number, pause))
    else:
        run(node, decisions)
    return True


def _retried(node: NodeState, started: int) -> int | None:
    return started if node.start_task_retries else None
