"""Execution state of tasks and nodes: written by a shard's owner alone.

Every function takes many rows at once. Call them after `shards.advance` in the same transaction,
which keeps a former owner from writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.store.batch import usage
from batchite.store.batch.schema import due, jobs, nodes, pools, task_counts, tasks
from batchite.store.dialects import insert

Rows = Sequence[Mapping[str, Any]]

# Statements of every turn are built once: building one takes longer than running it.

_this_task = tasks.c.task_no == bindparam("task")
_this_node = nodes.c.node_no == bindparam("node")
_this_job = jobs.c.job_no == bindparam("job")


def _if_it_ran(column: sa.Column[Any]) -> sa.Case[Any]:
    """The node of a task that never ran was none of it."""
    return sa.case((bindparam("began", type_=sa.BigInteger).is_not(None), column), else_=None)


_started = (
    sa.update(tasks)
    .where(_this_task)
    .values(
        state="running",
        previous_state="active",
        previous_state_time=tasks.c.state_time,
        state_time=bindparam("at"),
        started=bindparam("at"),
    )
)
_completed = (
    sa.update(tasks)
    .where(_this_task)
    .values(
        state="completed",
        previous_state=bindparam("previous"),
        previous_state_time=sa.func.coalesce(bindparam("began"), tasks.c.state_time),
        state_time=bindparam("at"),
        started=bindparam("began"),
        node_no=_if_it_ran(tasks.c.node_no),
        node_id=_if_it_ran(tasks.c.node_id),
        ended=bindparam("at"),
        exit_code=bindparam("code"),
        result=bindparam("outcome"),
        failure=bindparam("reason"),
        # a wish to delete may have been stored meanwhile; its event is still to come
        intent=sa.case((tasks.c.intent == "delete", "delete"), else_=None),
    )
)
_requeued = (
    sa.update(tasks)
    .where(_this_task)
    .values(
        state="active",
        previous_state=bindparam("previous"),
        previous_state_time=sa.func.coalesce(tasks.c.started, tasks.c.state_time),
        state_time=bindparam("at"),
        node_no=None,
        node_id=None,
        started=None,
        retry_count=tasks.c.retry_count + bindparam("retried"),
        last_retry=sa.case(
            (bindparam("retried", type_=sa.Integer) > 0, bindparam("at")), else_=tasks.c.last_retry
        ),
        requeue_count=tasks.c.requeue_count + bindparam("requeued"),
        last_requeue=sa.case(
            (bindparam("requeued", type_=sa.Integer) > 0, bindparam("at")), else_=tasks.c.last_requeue
        ),
    )
)
_returned = sa.update(tasks).where(_this_task).values(state="active", node_no=None, node_id=None)
_leased = (
    sa.update(tasks)
    .where(_this_task)
    .values(
        state="leased",
        attempt=bindparam("number"),
        node_no=bindparam("node"),
        node_id=bindparam("node_name"),
    )
)
_counted = (
    sa.update(task_counts)
    .where(task_counts.c.job_no == bindparam("job"), task_counts.c.required_slots == bindparam("slots"))
    .values(
        active=task_counts.c.active + bindparam("d_active"),
        running=task_counts.c.running + bindparam("d_running"),
        succeeded=task_counts.c.succeeded + bindparam("d_succeeded"),
        failed=task_counts.c.failed + bindparam("d_failed"),
    )
)


_removed = sa.delete(tasks).where(_this_task)
_booted = (
    sa.update(nodes)
    .where(_this_node)
    .values(booted=bindparam("at"), agent_version=bindparam("version"), errors=None)
)
_node_changed = (
    sa.update(nodes).where(_this_node).values(state=bindparam("phase"), state_time=bindparam("at"))
)
_node_counted = (
    sa.update(nodes)
    .where(_this_node)
    .values(
        tasks_run=nodes.c.tasks_run + bindparam("ran"),
        tasks_succeeded=nodes.c.tasks_succeeded + bindparam("well"),
    )
)


def start_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`task`, `at`"""
    connection.execute(_started, rows)


def complete_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`task`, `previous`, `began`, `at`, `code`, `outcome`, `reason` (JSON or None)"""
    connection.execute(_completed, rows)


def requeue_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`task`, `previous`, `at`, `retried` (0 or 1), `requeued` (0 or 1)"""
    connection.execute(_requeued, rows)


def return_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`task`: was leased and never started"""
    connection.execute(_returned, rows)


def remove_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`task`"""
    connection.execute(_removed, rows)


def lease_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`task`, `number` (of the attempt), `node`, `node_name`"""
    connection.execute(_leased, rows)


def count_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`job`, `slots`, `d_active`, `d_running`, `d_succeeded`, `d_failed`: differences"""
    connection.execute(_counted, rows)


def boot_nodes(connection: sa.Connection, rows: Rows) -> None:
    """`node`, `at`, `version`"""
    connection.execute(_booted, rows)


def change_nodes(connection: sa.Connection, rows: Rows) -> None:
    """`node`, `phase`, `at`"""
    connection.execute(_node_changed, rows)


def count_node_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`node`, `ran`, `well`: differences"""
    connection.execute(_node_counted, rows)


def change_start_tasks(connection: sa.Connection, rows: Rows) -> None:
    """`node`, `attempt`, `info` (JSON), `phase`, `outcome`, `code`, `began`, `ended`"""
    statement = (
        sa.update(nodes)
        .where(_this_node)
        .values(
            start_task_attempt=bindparam("attempt"),
            start_task_info=bindparam("info"),
            start_task_state=bindparam("phase"),
            start_task_result=bindparam("outcome"),
            start_task_exit_code=bindparam("code"),
            start_task_start=bindparam("began"),
            start_task_end=bindparam("ended"),
        )
    )
    connection.execute(statement, rows)


def add_nodes(connection: sa.Connection, rows: Rows) -> list[tuple[int, str]]:
    """Columns of `nodes`; returns (number, id) of each. Their cores are taken by `usage.change`."""
    statement = sa.insert(nodes).returning(nodes.c.node_no, nodes.c.id, sort_by_parameter_order=True)
    return [(row[0], row[1]) for row in connection.execute(statement, rows)]


def send_nodes_home(connection: sa.Connection, rows: Rows) -> None:
    """`node`, `at`: was ended in order, and boots again under its id"""
    statement = (
        sa.update(nodes)
        .where(_this_node)
        .values(
            state="creating",
            state_time=bindparam("at"),
            handle=None,
            token_hash=None,
            booted=None,
            start_task_attempt=0,
        )
    )
    connection.execute(statement, rows)


def remove_nodes(connection: sa.Connection, account: str, rows: Rows) -> None:
    """`node`, `cores` (to give back)"""
    connection.execute(sa.delete(nodes).where(_this_node), [{"node": row["node"]} for row in rows])
    usage.change(connection, account, -sum(row["cores"] for row in rows))


def record_start(connection: sa.Connection, node: int, token_hash: bytes) -> None:
    """A node is about to be started with this credential; one it had before is void."""
    connection.execute(
        sa.update(nodes).where(nodes.c.node_no == node).values(token_hash=token_hash, handle=None)
    )


def record_handle(connection: sa.Connection, node: int, handle: str) -> None:
    connection.execute(sa.update(nodes).where(nodes.c.node_no == node).values(handle=handle))


def record_errors(connection: sa.Connection, node: int, errors: bytes) -> None:
    """Why the node could not be started (JSON of the API's `errors`), until it has booted."""
    connection.execute(sa.update(nodes).where(nodes.c.node_no == node).values(errors=errors))


def end_resize(connection: sa.Connection, pool: int, at: int, errors: bytes | None) -> None:
    connection.execute(
        sa.update(pools)
        .where(pools.c.pool_no == pool, pools.c.state == "active")
        .values(allocation_state="steady", allocation_state_time=at, resize_errors=errors)
    )


def remove_pool(connection: sa.Connection, pool: int) -> None:
    connection.execute(sa.delete(pools).where(pools.c.pool_no == pool))


def terminate_job(connection: sa.Connection, job: int, reason: str, at: int, *, only_if_done: bool) -> None:
    """Begin to end the job, unless something else ends it; `only_if_done`: if no task is left to do.

    The counters have to be up to date, which they are at this point of a commit.
    """
    statement = sa.update(jobs).where(jobs.c.job_no == job, jobs.c.state.in_(("active", "disabled")))
    if only_if_done:
        left = sa.exists().where(
            task_counts.c.job_no == job, task_counts.c.active + task_counts.c.running > 0
        )
        statement = statement.where(~left)
    connection.execute(
        statement.values(
            state="terminating",
            previous_state=jobs.c.state,
            previous_state_time=jobs.c.state_time,
            state_time=at,
            terminate_reason=reason,
        )
    )


def complete_jobs(connection: sa.Connection, rows: Rows) -> None:
    """`job`, `at`"""
    statement = (
        sa.update(jobs)
        .where(_this_job, jobs.c.state == "terminating")
        .values(
            state="completed",
            previous_state="terminating",
            previous_state_time=jobs.c.state_time,
            state_time=bindparam("at"),
            ended=bindparam("at"),
        )
    )
    connection.execute(statement, rows)


def purge_job(connection: sa.Connection, job: int, limit: int) -> bool:
    """Remove up to `limit` tasks of a job that is being deleted; True once the job is gone too."""
    some = sa.select(tasks.c.task_no).where(tasks.c.job_no == job).limit(limit)
    if connection.execute(sa.delete(tasks).where(tasks.c.task_no.in_(some))).rowcount == limit:
        return False
    connection.execute(sa.delete(task_counts).where(task_counts.c.job_no == job))
    connection.execute(sa.delete(jobs).where(jobs.c.job_no == job, jobs.c.state == "deleting"))
    return True


def set_due(connection: sa.Connection, shard: str, kind: str, subject: int, at: int) -> None:
    upsert = insert(connection, due).values(shard=shard, kind=kind, subject=subject, at=at)
    connection.execute(upsert.on_conflict_do_update(index_elements=["kind", "subject"], set_={"at": at}))


def clear_due(connection: sa.Connection, kind: str, subject: int) -> None:
    connection.execute(sa.delete(due).where(due.c.kind == kind, due.c.subject == subject))
