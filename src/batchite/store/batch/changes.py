"""The statements of an owner's commit, one for each kind of change.

Their parameters are called as the fields of the changes, and as columns where they are stored as they are.
Run them after `shards.hold` in the same transaction, which keeps a former owner from writing.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources import causes
from batchite.resources.states import ENDABLE
from batchite.store.batch.schema import (
    Ticks,
    core_usage,
    due,
    failure_causes,
    jobs,
    nodes,
    pools,
    task_counts,
    tasks,
)
from batchite.store.dialects import Insert, insert_for
from batchite.store.prepared import Prepared

# -- tasks

_of_task = tasks.c.task_no == bindparam("task")


def _if_it_ran(column: sa.Column[Any]) -> sa.Case[Any]:
    """The node of a task that never ran was none of it."""
    ran = bindparam("started", type_=Ticks).is_not(None) | (tasks.c.state != "leased")
    return sa.case((ran, column), else_=None)


def _if_retried(column: sa.Column[Any]) -> sa.Case[Any]:
    """The node has the files of the run before while the task waits to be run again."""
    return sa.case((bindparam("retried", type_=sa.Integer) > 0, column), else_=None)


START_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="running",
        previous_state="active",
        previous_state_time=tasks.c.state_time,
        state_time=bindparam("started"),
        started=bindparam("started"),
    )
)
COMPLETE_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="completed",
        previous_state=bindparam("previous_state"),
        previous_state_time=sa.func.coalesce(bindparam("started", type_=Ticks), tasks.c.state_time),
        state_time=bindparam("ended"),
        started=bindparam("started"),
        node_no=_if_it_ran(tasks.c.node_no),
        node_id=_if_it_ran(tasks.c.node_id),
        staged=bindparam("staged"),
        ended=bindparam("ended"),
        exit_code=bindparam("exit_code"),
        result=bindparam("result"),
        failure=bindparam("failure"),
        # a wish to delete may have been stored meanwhile; its event is still to come
        intent=sa.case((tasks.c.intent == "delete", "delete"), else_=None),
    )
)
REQUEUE_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="active",
        previous_state="running",
        previous_state_time=sa.func.coalesce(bindparam("started", type_=Ticks), tasks.c.state_time),
        state_time=bindparam("at"),
        node_no=_if_retried(tasks.c.node_no),
        node_id=_if_retried(tasks.c.node_id),
        assigned=sa.null(),
        started=sa.null(),
        retry_count=tasks.c.retry_count + bindparam("retried"),
        last_retry=sa.case(
            (bindparam("retried", type_=sa.Integer) > 0, bindparam("at", type_=Ticks)),
            else_=tasks.c.last_retry,
        ),
        requeue_count=tasks.c.requeue_count + bindparam("requeued"),
        last_requeue=sa.case(
            (bindparam("requeued", type_=sa.Integer) > 0, bindparam("at", type_=Ticks)),
            else_=tasks.c.last_requeue,
        ),
    )
)
RETURN_TASK = Prepared(
    sa.update(tasks).where(_of_task).values(state="active", node_no=None, node_id=None, assigned=None)
)
"""It was leased and never started."""
_causes_of_job = failure_causes.c.job_no == bindparam("job")
_of_cause = sa.and_(_causes_of_job, failure_causes.c.cause == bindparam("cause"))
_is_known = sa.exists().where(_of_cause)
_different = sa.select(sa.func.count()).where(_causes_of_job).select_from(failure_causes).scalar_subquery()
_has_room = sa.or_(_is_known, _different < causes.MOST)


def _count_cause(dialect: str) -> Insert:
    def if_room(name: str, type_: type[sa.types.TypeEngine[Any]], other: Any = None) -> sa.Case[Any]:
        return sa.case((_has_room, bindparam(name, type_=type_())), else_=other)

    upsert = insert_for(dialect, failure_causes).values(
        job_no=bindparam("job"),
        cause=if_room("cause", sa.Text, causes.OTHER),
        category=if_room("category", sa.Text),
        code=if_room("code", sa.Text),
        exit_code=if_room("exit_code", sa.Integer),
        line=if_room("line", sa.Text, ""),
        tasks=1,
        latest=bindparam("ended"),
    )
    counted = failure_causes.c.tasks + upsert.excluded.tasks
    latest = sa.case(
        (upsert.excluded.latest > failure_causes.c.latest, upsert.excluded.latest),
        else_=failure_causes.c.latest,
    )
    return upsert.on_conflict_do_update(
        index_elements=["job_no", "cause"], set_={"tasks": counted, "latest": latest}
    )


COUNT_CAUSE = Prepared(_count_cause)
"""One task more has failed so; `OTHER` if its job has too many different causes."""
NAME_CAUSE = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(cause=sa.case((_is_known, bindparam("cause", type_=sa.Text())), else_=causes.OTHER))
)
"""The task's row keeps the cause by which it was counted."""
_cause_of_task = sa.select(tasks.c.cause).where(_of_task).scalar_subquery()
DISCOUNT_CAUSE = Prepared(
    sa.update(failure_causes)
    .where(_causes_of_job, failure_causes.c.cause == _cause_of_task)
    .values(tasks=failure_causes.c.tasks - 1)
)
"""Before the task goes: it is one less of its cause."""
DROP_CAUSE = Prepared(sa.delete(failure_causes).where(_causes_of_job, failure_causes.c.tasks <= 0))
"""Those of the job that are no task's any more make room for others."""
REMOVE_TASK = Prepared(sa.delete(tasks).where(_of_task))
LEASE_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="leased",
        attempt=bindparam("attempt"),
        node_no=bindparam("node"),
        node_id=bindparam("node_id"),
        assigned=bindparam("now"),
    )
)
COUNT_TASKS = Prepared(
    sa.update(task_counts)
    .where(task_counts.c.job_no == bindparam("job"), task_counts.c.required_slots == bindparam("slots"))
    .values(
        active=task_counts.c.active + bindparam("active"),
        running=task_counts.c.running + bindparam("running"),
        succeeded=task_counts.c.succeeded + bindparam("succeeded"),
        failed=task_counts.c.failed + bindparam("failed"),
    )
)

# -- nodes

_of_node = nodes.c.node_no == bindparam("node")

BOOT_NODE = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        booted=bindparam("booted"),
        boot_begun=sa.func.coalesce(nodes.c.boot_begun, bindparam("now", type_=Ticks)),
        boot_heard=bindparam("now"),
        agent_version=bindparam("agent_version"),
        ip_address=sa.func.coalesce(sa.func.nullif(bindparam("address"), ""), nodes.c.ip_address),
        tier=sa.func.nullif(bindparam("tier"), ""),
        image=sa.func.nullif(bindparam("image"), ""),
        errors=None,
    )
)


def _at_first(column: sa.Column[Any], *phases: str) -> sa.ColumnElement[int]:
    """When the node first came into one of the states in its boot."""
    comes = sa.or_(*(bindparam("phase", type_=sa.Text) == phase for phase in phases))
    return sa.func.coalesce(column, sa.case((comes, bindparam("at", type_=Ticks)), else_=None))


CHANGE_NODE = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        state=bindparam("phase"),
        state_time=bindparam("at"),
        boot_begun=_at_first(nodes.c.boot_begun, "starting"),
        boot_ready=_at_first(nodes.c.boot_ready, "idle", "running"),
    )
)
COUNT_NODE_TASKS = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        tasks_run=nodes.c.tasks_run + bindparam("ran"),
        tasks_succeeded=nodes.c.tasks_succeeded + bindparam("succeeded"),
    )
)
CHANGE_START_TASK = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        start_task_attempt=bindparam("attempt"),
        start_task_info=bindparam("info"),
        start_task_state=bindparam("state"),
        start_task_result=bindparam("result"),
        start_task_exit_code=bindparam("exit_code"),
        start_task_start=bindparam("started"),
        start_task_end=bindparam("ended"),
    )
)
SEND_NODE_HOME = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        state="creating",
        state_time=bindparam("at"),
        handle=None,
        token_hash=None,
        booted=None,
        boot_requested=bindparam("at"),
        boot_begun=None,
        boot_heard=None,
        boot_ready=None,
        start_task_attempt=0,
    )
)
"""It was ended in order, and boots again under its id."""
REMOVE_NODE = Prepared(sa.delete(nodes).where(_of_node))
RETURN_CORES = Prepared(
    sa.update(core_usage)
    .where(core_usage.c.account == bindparam("account"))
    .values(cores=core_usage.c.cores - bindparam("cores"))
)

# -- pools and jobs

_of_pool = pools.c.pool_no == bindparam("pool")
_of_job = jobs.c.job_no == bindparam("job")
_unfinished = sa.exists().where(
    task_counts.c.job_no == bindparam("job"), task_counts.c.active + task_counts.c.running > 0
)

END_RESIZE = Prepared(
    sa.update(pools)
    .where(_of_pool, pools.c.state == "active")
    .values(
        allocation_state="steady", allocation_state_time=bindparam("at"), resize_errors=bindparam("errors")
    )
    .returning(pools.c.id, pools.c.state)
)
REMOVE_POOL = Prepared(sa.delete(pools).where(_of_pool).returning(pools.c.id, pools.c.state))
TERMINATE_JOB = Prepared(
    sa.update(jobs)
    .where(
        _of_job,
        sa.or_(*(jobs.c.state == state for state in ENDABLE)),
        sa.or_(~bindparam("only_if_done", type_=sa.Boolean), ~_unfinished),
    )
    .values(
        state="terminating",
        previous_state=jobs.c.state,
        previous_state_time=jobs.c.state_time,
        state_time=bindparam("at"),
        terminate_reason=bindparam("reason"),
    )
    .returning(jobs.c.pool_id, jobs.c.id, jobs.c.previous_state)
)
"""Begin to end the job, unless something else ends it; `only_if_done`: if no task is left to do, which the
counters say."""
COMPLETE_JOB = Prepared(
    sa.update(jobs)
    .where(_of_job, jobs.c.state == "terminating")
    .values(
        state="completed",
        previous_state="terminating",
        previous_state_time=jobs.c.state_time,
        state_time=bindparam("at"),
        ended=bindparam("at"),
    )
    .returning(jobs.c.pool_id, jobs.c.id, jobs.c.terminate_reason)
)

# -- what is due


def _set_due(dialect: str, at: sa.ColumnElement[int]) -> Insert:
    upsert = insert_for(dialect, due).values(
        shard=bindparam("shard"), kind=bindparam("kind"), subject=bindparam("subject"), at=at
    )
    return upsert.on_conflict_do_update(index_elements=["kind", "subject"], set_={"at": upsert.excluded.at})


SET_DUE = Prepared(lambda dialect: _set_due(dialect, bindparam("at", type_=Ticks)))
PAUSE = Prepared(
    lambda dialect: _set_due(dialect, bindparam("now", type_=Ticks) + bindparam("ticks", type_=Ticks))
)
CLEAR_DUE = Prepared(
    sa.delete(due).where(due.c.kind == bindparam("kind"), due.c.subject == bindparam("subject"))
)
