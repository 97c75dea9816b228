"""The reactor's changes become rows; one call is one owner's part of a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from batchite.dispatch.allocation import NOTHING, Allocation, allocate
from batchite.scheduling.decisions import Changes, Completed, Requeued, StartTaskChanged
from batchite.scheduling.jobs import ALL_TASKS_COMPLETE
from batchite.scheduling.room import Limits
from batchite.store.batch import execution
from batchite.wire.batch import outcome
from batchite.wire.batch.outcome import Failure
from batchite.wire.ticks import Timestamp


def apply(
    connection: sa.Connection, account: str, limits: Limits, shard: str, changes: Changes, now: int
) -> Allocation:
    """Write everything, in the order `Changes` documents."""
    _apply_tasks(connection, changes)
    _apply_nodes(connection, account, changes)
    wanted = changes.nodes_wanted.values()
    allocation = allocate(connection, account, limits, wanted, now) if wanted else NOTHING
    for ended in changes.resize_ended:
        execution.end_resize(connection, ended.pool, ended.at, _failures_json(ended.errors))
    for removed in changes.pool_removed:
        execution.remove_pool(connection, removed.pool)
    for job in changes.job_terminating:
        only_if_done = job.reason == ALL_TASKS_COMPLETE
        execution.terminate_job(connection, job.job, job.reason, job.at, only_if_done=only_if_done)
    if changes.job_completed:
        execution.complete_jobs(connection, [{"job": job.job, "at": job.at} for job in changes.job_completed])
    for due in changes.due_set:
        execution.set_due(connection, shard, due.kind, due.subject, due.at)
    for paused in changes.paused:
        execution.set_due(connection, shard, paused.kind, paused.subject, now + paused.ticks)
    for cleared in changes.due_cleared:
        execution.clear_due(connection, cleared.kind, cleared.subject)
    return allocation


def _apply_tasks(connection: sa.Connection, changes: Changes) -> None:
    if changes.started:
        rows = [{"task": one.task, "at": one.started} for one in changes.started.values()]
        execution.start_tasks(connection, rows)
    if changes.completed:
        execution.complete_tasks(connection, [_completed_row(one) for one in changes.completed])
    _apply_requeued(connection, list(changes.requeued.values()))
    if changes.removed:
        execution.remove_tasks(connection, [{"task": one.task} for one in changes.removed])
    if changes.leased:
        leased = [
            {"task": one.task, "number": one.attempt, "node": one.node, "node_name": one.node_id}
            for one in changes.leased
        ]
        execution.lease_tasks(connection, leased)
    if counts := _count_rows(changes):
        execution.count_tasks(connection, counts)


def _apply_requeued(connection: sa.Connection, requeued: list[Requeued]) -> None:
    returned = [{"task": one.task} for one in requeued if one.why == "returned"]
    if returned:
        execution.return_tasks(connection, returned)
    rows = [
        {
            "task": one.task,
            "previous": "running",
            "at": one.at,
            "retried": int(one.why == "retry"),
            "requeued": int(one.why == "requeue"),
        }
        for one in requeued
        if one.why != "returned"
    ]
    if rows:
        execution.requeue_tasks(connection, rows)


def _completed_row(one: Completed) -> dict[str, Any]:
    return {
        "task": one.task,
        "previous": "active" if one.started is None else "running",
        "began": one.started,
        "at": one.ended,
        "code": one.exit_code,
        "outcome": one.result,
        "reason": _failure(one.failure),
    }


def _count_rows(changes: Changes) -> list[dict[str, int]]:
    """Differences of the counters, by job and slots."""
    differences: dict[tuple[int, int], dict[str, int]] = {}

    def move(job: int, slots: int, before: str | None, after: str | None) -> None:
        row = differences.get((job, slots))
        if row is None:
            row = {"job": job, "slots": slots, "d_active": 0, "d_running": 0, "d_succeeded": 0, "d_failed": 0}
            differences[job, slots] = row
        if before is not None:
            row["d_" + before] -= 1
        if after is not None:
            row["d_" + after] += 1

    for started in changes.started.values():
        move(started.job, started.slots, "active", "running")
    for completed in changes.completed:
        after = "succeeded" if completed.succeeded else "failed"
        move(completed.job, completed.slots, completed.was, after)
    for requeued in changes.requeued.values():
        move(requeued.job, requeued.slots, requeued.was, "active")
    for removed in changes.removed:
        move(removed.job, removed.slots, removed.was, None)
    return list(differences.values())


def _apply_nodes(connection: sa.Connection, account: str, changes: Changes) -> None:
    _each(
        connection,
        execution.boot_nodes,
        [{"node": one.node, "at": one.booted, "version": one.agent_version} for one in changes.node_booted],
    )
    _each(
        connection,
        execution.change_nodes,
        [{"node": one.node, "phase": one.phase, "at": one.at} for one in changes.node_changed],
    )
    _each(
        connection,
        execution.count_node_tasks,
        [
            {"node": node, "ran": totals.ran, "well": totals.succeeded}
            for node, totals in changes.node_tasks.items()
        ],
    )
    _each(
        connection,
        execution.change_start_tasks,
        [_start_task_row(one) for one in changes.start_task_changed],
    )
    _each(
        connection,
        execution.send_nodes_home,
        [{"node": one.node, "at": one.at} for one in changes.node_sent_home],
    )
    if changes.node_removed:
        gone = [{"node": one.node, "cores": one.cores} for one in changes.node_removed]
        execution.remove_nodes(connection, account, gone)


def _each(
    connection: sa.Connection,
    write: Callable[[sa.Connection, list[dict[str, Any]]], None],
    rows: list[dict[str, Any]],
) -> None:
    if rows:
        write(connection, rows)


def _start_task_row(one: StartTaskChanged) -> dict[str, Any]:
    info = {
        "state": one.state,
        "startTime": str(Timestamp(one.started)),
        "endTime": None if one.ended is None else str(Timestamp(one.ended)),
        "exitCode": one.exit_code,
        "failureInfo": None if one.failure is None else outcome.shown(one.failure),
        "retryCount": one.retries,
        "lastRetryTime": None if one.last_retry is None else str(Timestamp(one.last_retry)),
        "result": one.result,
    }
    return {
        "node": one.node,
        "attempt": one.attempt,
        "info": msgspec.json.encode({name: value for name, value in info.items() if value is not None}),
        "phase": one.state,
        "outcome": one.result,
        "code": one.exit_code,
        "began": one.started,
        "ended": one.ended,
    }


def _failure(failure: Failure | None) -> bytes | None:
    return None if failure is None else msgspec.json.encode(outcome.shown(failure))


def _failures_json(failures: tuple[Failure, ...]) -> bytes | None:
    """The API's `resizeErrors`."""
    if not failures:
        return None
    return msgspec.json.encode([{"code": one.code, "message": one.message} for one in failures])
