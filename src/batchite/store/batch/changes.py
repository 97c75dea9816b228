"""The statements of an owner's commit, one for each kind of change.

Their parameters are called as the fields of the changes, and as columns where they are stored as they are.
Run them after `shards.hold` in the same transaction, which keeps a former owner from writing.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources import causes
from batchite.resources.nodes import OF_BOOT
from batchite.resources.states import ENDABLE, TAKING
from batchite.store.batch.recording import later
from batchite.store.batch.schema import (
    Ticks,
    autoscaling,
    core_usage,
    due,
    evaluations,
    failure_causes,
    inbound,
    jobs,
    logins,
    nodes,
    pools,
    samples,
    satisfied_ids,
    task_counts,
    tasks,
)
from batchite.store.dialects import Insert, greatest, insert_for, least
from batchite.store.prepared import Prepared
from batchite.wire.batch.outcome import MOST_SUMMED

# -- tasks

_of_task = tasks.c.task_no == bindparam("task")


_ran = bindparam("started", type_=Ticks).is_not(None) | sa.and_(
    tasks.c.state != "leased", tasks.c.state != "preparing"
)
"""The node of a task that never ran was none of it."""


def _if_it_ran(column: sa.Column[Any]) -> sa.Case[Any]:
    return sa.case((_ran, column), else_=None)


def _if_it_has_files(column: sa.Column[Any]) -> sa.Case[Any]:
    """The node has those of the run before while the task waits to be run again, unless the node was lost."""
    again = bindparam("retried", type_=sa.Integer) + bindparam("requeued", type_=sa.Integer)
    return sa.case((again > 0, column), else_=None)


def _summed(dialect: str, *columns: sa.Column[Any]) -> dict[str, sa.ColumnElement[int]]:
    """Each with what the parameter of its name says more."""

    def more(column: sa.Column[Any]) -> sa.ColumnElement[int]:
        so_far = sa.func.coalesce(column, sa.literal_column("0"))
        return least(dialect, so_far + bindparam(column.name, type_=Ticks), MOST_SUMMED)

    return {column.name: more(column) for column in columns}


def _run_summed(dialect: str) -> dict[str, sa.ColumnElement[int]]:
    """What a task has used in all its runs."""
    names = ("wall_time", "user_time", "kernel_time", "blocks_read", "blocks_written")
    return _summed(dialect, *(tasks.c[name] for name in names))


START_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="running",
        previous_state=sa.case((tasks.c.state == "preparing", "preparing"), else_="active"),
        previous_state_time=tasks.c.state_time,
        state_time=bindparam("started"),
        started=bindparam("started"),
    )
)
COMPLETE_TASK = Prepared(
    lambda dialect: (
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
            files_until=sa.case(
                (_ran & tasks.c.node_no.is_not(None), bindparam("files_until", type_=Ticks)), else_=None
            ),
            exit_code=bindparam("exit_code"),
            result=bindparam("result"),
            failure=bindparam("failure"),
            awaits=None,
            satisfied=sa.func.coalesce(bindparam("satisfied", type_=sa.Boolean), tasks.c.satisfied),
            # a wish to delete may have been stored meanwhile; its event is still to come
            intent=sa.case((tasks.c.intent == "delete", "delete"), else_=None),
            **_run_summed(dialect),
        )
    )
)
REQUEUE_TASK = Prepared(
    lambda dialect: (
        sa.update(tasks)
        .where(_of_task)
        .values(
            state="active",
            previous_state="running",
            previous_state_time=sa.func.coalesce(bindparam("started", type_=Ticks), tasks.c.state_time),
            state_time=bindparam("at"),
            node_no=_if_it_has_files(tasks.c.node_no),
            node_id=_if_it_has_files(tasks.c.node_id),
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
            **_run_summed(dialect),
        )
    )
)
RETURN_TASK = Prepared(
    sa.update(tasks).where(_of_task).values(state="active", node_no=None, node_id=None, assigned=None)
)
"""It was leased and never started."""
UNPREPARE_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="active",
        previous_state="preparing",
        previous_state_time=tasks.c.state_time,
        state_time=bindparam("at"),
        node_no=None,
        node_id=None,
        assigned=None,
    )
)
"""It was to wait for its job's preparation on the node, and never started."""
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
_gone = sa.select(tasks.c.job_no, tasks.c.key).where(_of_task, tasks.c.satisfied)
KEEP_SATISFIED = Prepared(
    lambda dialect: (
        insert_for(dialect, satisfied_ids).from_select(["job_no", "key"], _gone).on_conflict_do_nothing()
    )
)
"""What the task that goes has satisfied stays so."""
FORGET_FILES = Prepared(
    sa.update(tasks)
    .where(
        _of_task,
        tasks.c.state == "completed",
        tasks.c.attempt == bindparam("attempt"),
        tasks.c.node_no == bindparam("node"),
    )
    .values(files_until=None)
)
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
PREPARE_TASK = Prepared(
    sa.update(tasks)
    .where(_of_task)
    .values(
        state="preparing",
        previous_state="active",
        previous_state_time=tasks.c.state_time,
        state_time=bindparam("now"),
        attempt=bindparam("attempt"),
        node_no=bindparam("node"),
        node_id=bindparam("node_id"),
        assigned=bindparam("now"),
    )
)
SUMS = (
    "gone_succeeded",
    "gone_failed",
    "retries",
    "wall_time",
    "wait_time",
    "user_time",
    "kernel_time",
    "blocks_read",
    "blocks_written",
)
COUNT_TASKS = Prepared(
    lambda dialect: (
        sa.update(task_counts)
        .where(task_counts.c.job_no == bindparam("job"), task_counts.c.required_slots == bindparam("slots"))
        .values(
            active=task_counts.c.active + bindparam("active"),
            blocked=task_counts.c.blocked + bindparam("blocked"),
            running=task_counts.c.running + bindparam("running"),
            succeeded=task_counts.c.succeeded + bindparam("succeeded"),
            failed=task_counts.c.failed + bindparam("failed"),
            **_summed(dialect, *(task_counts.c[name] for name in SUMS)),
        )
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
        start_task=bindparam("start_task"),
        errors=None,
    )
)


def _at_first(column: sa.Column[Any], *phases: str) -> sa.ColumnElement[int]:
    """When the node first came into one of the states in its boot."""
    comes = sa.or_(*_comes_to(*phases))
    return sa.func.coalesce(column, sa.case((comes, bindparam("at", type_=Ticks)), else_=None))


def _comes_to(*phases: str) -> list[sa.ColumnElement[bool]]:
    return [bindparam("phase", type_=sa.Text) == phase for phase in phases]


def _unless_it_fares_well(column: sa.Column[int]) -> sa.ColumnElement[int]:
    return sa.case((sa.or_(*_comes_to(*TAKING)), 0), else_=column)


CHANGE_NODE = Prepared(
    sa.update(nodes)
    .where(_of_node, nodes.c.state == bindparam("was"))
    .values(
        state=bindparam("phase"),
        state_time=bindparam("at"),
        boot_begun=_at_first(nodes.c.boot_begun, "starting"),
        boot_ready=_at_first(nodes.c.boot_ready, *TAKING),
        boot_failures=_unless_it_fares_well(nodes.c.boot_failures),
    )
    .returning(nodes.c.node_no)
)
"""Unless an operation has changed its state meanwhile, which its owner hears of."""
VACATE_NODE = Prepared(
    sa.update(nodes)
    .where(_of_node, nodes.c.vacating.is_not_distinct_from(bindparam("was", type_=sa.Text())))
    .values(
        vacating=bindparam("purpose"),
        vacating_option=bindparam("option"),
        interrupted=bindparam("interrupted"),
        interrupted_option=bindparam("interrupted_option"),
    )
)
"""Unless an operation wants something else meanwhile."""
COUNT_NODE_TASKS = Prepared(
    lambda dialect: (
        sa.update(nodes)
        .where(_of_node)
        .values(
            tasks_run=nodes.c.tasks_run + bindparam("ran"),
            tasks_succeeded=nodes.c.tasks_succeeded + bindparam("succeeded"),
            peak_memory=greatest(dialect, nodes.c.peak_memory, bindparam("peak_memory", type_=Ticks)),
            **_summed(dialect, *(nodes.c[name] for name in ("cpu_time", "blocks_read", "blocks_written"))),
        )
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
RESET_NODE = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        state=bindparam("phase"),
        state_time=sa.case((nodes.c.state == bindparam("phase"), nodes.c.state_time), else_=bindparam("at")),
        handle=None,
        token_hash=None,
        boot_requested=bindparam("at"),
        **dict.fromkeys(OF_BOOT),
        start_task_attempt=0,
        errors=None,
    )
)
"""Nothing of it runs, and it is to boot again under its id."""
_start_task_runs = nodes.c.start_task_state == "running"
REST_NODE = Prepared(
    sa.update(nodes)
    .where(_of_node)
    .values(
        state=bindparam("phase"),
        state_time=bindparam("at"),
        handle=None,
        token_hash=None,
        boot_failures=bindparam("failures"),
        errors=bindparam("errors"),
        start_task_info=sa.case((_start_task_runs, None), else_=nodes.c.start_task_info),
        start_task_state=sa.case((_start_task_runs, None), else_=nodes.c.start_task_state),
    )
)
"""Nothing of it runs for now, its start task neither."""
RETURN_PORTS = Prepared(sa.delete(inbound).where(inbound.c.node_no == bindparam("node")))
FORGET_LOGINS = Prepared(sa.delete(logins).where(logins.c.node_no == bindparam("node")))
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
        allocation_state="steady",
        allocation_state_time=bindparam("at"),
        resize_errors=bindparam("errors"),
        kept_dedicated=bindparam("kept_dedicated"),
        kept_low_priority=bindparam("kept_low_priority"),
    )
    .returning(pools.c.id, pools.c.state)
)
MEET_TARGET = Prepared(
    sa.update(pools).where(_of_pool, pools.c.allocation_state == "steady").values(resize_errors=None)
)
"""Unless the next resize has begun, which forgets them, too."""
REMOVE_POOL = Prepared(sa.delete(pools).where(_of_pool).returning(pools.c.id, pools.c.state))
FORGET_FORMULA, FORGET_SAMPLES, FORGET_EVALUATIONS = (
    Prepared(sa.delete(table).where(table.c.pool_no == bindparam("pool")))
    for table in (autoscaling, samples, evaluations)
)


_MODIFIED: Final = later(jobs.c.modified, bindparam("at", type_=Ticks))
"""Of a job that comes to a state as it does by an operation. That what was asked for is done is no change of
it: until then and afterwards it has one ETag, as the service's own answers show."""


def _move_job(state: str, *guards: sa.ColumnElement[bool], **values: sa.ColumnElement[Any]) -> Prepared:
    """A job comes to a state if the guards hold, which look at what is stored."""
    moved = {
        "state": state,
        "previous_state": jobs.c.state,
        "previous_state_time": jobs.c.state_time,
        "state_time": bindparam("at"),
    }
    names = ("pool_id", "id", "state", "previous_state", "terminate_reason", "schedule_no")
    told = (jobs.c[name] for name in names)
    return Prepared(sa.update(jobs).where(_of_job, *guards).values({**moved, **values}).returning(*told))


BEGIN_TO_DISABLE_JOB = _move_job(
    "disabling",
    jobs.c.state == "active",
    modified=_MODIFIED,
    tasks_option=bindparam("option", type_=sa.Text()),
)
DISABLE_JOB = _move_job("disabled", jobs.c.state == "disabling")
ENABLE_JOB = _move_job("active", jobs.c.state == "enabling")
TERMINATE_JOB = _move_job(
    "terminating",
    sa.or_(*(jobs.c.state == state for state in ENDABLE)),
    sa.or_(~bindparam("only_if_done", type_=sa.Boolean), ~_unfinished),
    modified=_MODIFIED,
    terminate_reason=bindparam("reason"),
)
"""Begin to end the job, unless something else ends it; `only_if_done`: if no task is left to do, which the
counters say."""
COMPLETE_JOB = _move_job("completed", jobs.c.state == "terminating", ended=bindparam("at"))

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
    sa.delete(due).where(
        due.c.kind == bindparam("kind"),
        due.c.subject == bindparam("subject"),
        due.c.shard == bindparam("shard"),
    )
)
"""Unless it has gone to another shard with its job."""
