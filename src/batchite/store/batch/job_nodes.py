"""Where jobs are prepared and released: the statements of an owner's commit about it, and what is read of it.

The statements are as those of `changes`. A row stays when its node is gone, until its job goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources.job_nodes import FILES_DUE, JobNodeRow, JobTask
from batchite.store.batch.pages import Part, Wanted, cut
from batchite.store.batch.schema import MOVING_NODE, OPEN_JOB, Ticks, due, job_nodes, jobs
from batchite.store.dialects import Insert, insert_for
from batchite.store.prepared import Prepared
from batchite.wire.batch import outcome
from batchite.wire.batch.outcome import Failure

Row = sa.Row[*tuple[Any, ...]]
_c = job_nodes.c
_one = sa.and_(_c.job_no == bindparam("job"), _c.node_no == bindparam("node"))
_of_node = sa.and_(_c.node_no == bindparam("node"), MOVING_NODE)

_unreleased = _c.release.is_(None)
"""Else the node was released, from a job that went to another pool and is back."""

# -- preparation


def _want_preparation(dialect: str) -> Insert:
    upsert = insert_for(dialect, job_nodes).values(
        job_no=bindparam("job"),
        node_no=bindparam("node"),
        node_id=bindparam("node_id"),
        pool_id=bindparam("pool_id"),
        standing="wanted",
        reruns=bindparam("reruns"),
        preparation_attempt=bindparam("attempt"),
    )
    anew = {
        "standing": "wanted",
        "preparation_attempt": upsert.excluded.preparation_attempt,
        "preparation_retries": 0,
        "preparation_last_retry": None,
        "has_completed": sa.and_(_c.has_completed, _unreleased),
        "has_run": sa.and_(_c.has_run, _unreleased),
        "release": sa.case((_unreleased, _c.release)),
    }
    return upsert.on_conflict_do_update(index_elements=["job_no", "node_no"], set_=anew)


WANT_PREPARATION = Prepared(_want_preparation)
CHANGE_PREPARATION = Prepared(
    sa.update(job_nodes)
    .where(_one)
    .values(
        standing=bindparam("standing"),
        has_completed=bindparam("has_completed"),
        preparation_attempt=bindparam("attempt"),
        preparation_retries=bindparam("retries"),
        preparation_last_retry=sa.func.coalesce(
            bindparam("last_retry", type_=Ticks), _c.preparation_last_retry
        ),
        preparation_state=bindparam("state"),
        preparation_start=bindparam("started"),
        preparation_end=bindparam("ended"),
        preparation_exit_code=bindparam("exit_code"),
        preparation_result=bindparam("result"),
        preparation_failure=bindparam("failure"),
    )
)
RETRY_PREPARATION = Prepared(
    sa.update(job_nodes)
    .where(_one)
    .values(preparation_attempt=bindparam("attempt"), preparation_retries=bindparam("retries"))
)
USE_NODE = Prepared(sa.update(job_nodes).where(_one).values(has_run=sa.true()))

# -- release

WANT_RELEASE = Prepared(
    sa.update(job_nodes).where(_one).values(release="wanted", release_attempt=bindparam("attempt"))
)
CHANGE_RELEASE = Prepared(
    sa.update(job_nodes)
    .where(_one)
    .values(
        release=bindparam("release"),
        release_state=bindparam("state"),
        release_start=bindparam("started"),
        release_end=bindparam("ended"),
        release_exit_code=bindparam("exit_code"),
        release_result=bindparam("result"),
        release_failure=bindparam("failure"),
    )
)
# -- nodes

_NODE_ENDED = Failure(
    "servererror", "TaskEnded", "The node ended as the task ran, or nobody waited for it any more."
)
_FAILURE = msgspec.json.encode(outcome.shown(_NODE_ENDED))


def _broken_off(task: str) -> dict[str, sa.ColumnElement[Any]]:
    """What ran is over, and nobody has seen its end."""
    runs = _c[f"{task}_state"] == "running"
    values: dict[str, Any] = {
        "state": "completed",
        "end": bindparam("at", type_=Ticks),
        "result": "failure",
        "failure": sa.literal(_FAILURE, sa.LargeBinary()),
    }
    return {
        f"{task}_{name}": sa.case((runs, value), else_=_c[f"{task}_{name}"]) for name, value in values.items()
    }


_has_run_before = sa.or_(_c.has_completed, _c.preparation_retries > 0)
DROP_PREPARATION = Prepared(
    sa.update(job_nodes)
    .where(_one)
    .values(standing="unprepared", has_completed=_has_run_before, **_broken_off("preparation"))
)
_released = sa.case((_c.release == "wanted", "over"), else_=_c.release)


def _keep(dialect: str, task: JobTask) -> Insert:
    """Files of a job that is over are kept for so long, on nodes that are there still."""
    at = bindparam("at", type_=Ticks)
    until = sa.func.coalesce(_c[f"{task}_end"], at) + bindparam(f"{task}_kept", type_=Ticks)
    row = {
        "kind": sa.literal(FILES_DUE[task]),
        "subject": _c.number,
        "shard": bindparam("shard", type_=sa.Text),
        "at": sa.case((until > at, until), else_=at),
    }
    ran = sa.and_(_c.job_no == bindparam("job"), _c[f"{task}_start"].is_not(None), MOVING_NODE)
    return (
        insert_for(dialect, due)
        .from_select(list(row), sa.select(*row.values()).where(ran))
        .on_conflict_do_nothing()
    )


KEEP_PREPARED = Prepared(lambda dialect: _keep(dialect, "preparation"))
KEEP_RELEASED = Prepared(lambda dialect: _keep(dialect, "release"))
"""Before the job is closed, after which nothing says any more which of its nodes are gone."""
CLOSE_JOB = Prepared(
    sa.update(job_nodes)
    .where(_c.job_no == bindparam("job"))
    .values(standing="over", release=_released, **_broken_off("preparation"), **_broken_off("release"))
)
"""The job is completed: nothing is prepared or released any more, and what runs still nobody waits for."""
DROP_RELEASE = Prepared(sa.update(job_nodes).where(_one).values(release="over", **_broken_off("release")))
"""The node cannot be released, and is not waited for."""
_has_to_rerun = sa.or_(_c.standing == "wanted", sa.and_(_c.standing == "ready", _c.reruns))
END_ON_NODE = Prepared(
    sa.update(job_nodes)
    .where(_of_node)
    .values(
        standing=sa.case((_has_to_rerun, "unprepared"), else_=_c.standing),
        **_broken_off("preparation"),
        **_broken_off("release"),
    )
)
"""Nothing of the node runs any more; first of these."""
WIPE_NODE = Prepared(
    sa.update(job_nodes)
    .where(_of_node)
    .values(standing="unprepared", has_completed=sa.false(), has_run=sa.false(), release=_released)
)
"""It has lost its files."""
LEAVE_NODE = Prepared(sa.update(job_nodes).where(_of_node).values(standing="over", release=_released))
"""It is gone."""

# -- reading

_OF_SHARD = (
    sa.select(
        _c.job_no,
        _c.node_id,
        _c.standing,
        _c.has_completed,
        _c.has_run,
        _c.release,
        _c.preparation_attempt,
        _c.preparation_retries,
        _c.preparation_exit_code,
        _c.release_attempt,
    )
    .join_from(jobs, job_nodes, _c.job_no == jobs.c.job_no)
    .where(jobs.c.shard == bindparam("of"), OPEN_JOB, MOVING_NODE)
)


def of_shard(connection: sa.Connection, shard: str) -> Sequence[Row]:
    """Of the shard's open jobs, where something may still come of it."""
    return connection.execute(_OF_SHARD, {"of": shard}).all()


_PLACE = (
    sa.select(_c.node_id, jobs.c.id.label("job_id"), jobs.c.rules, jobs.c.definition)
    .join_from(job_nodes, jobs, _c.job_no == jobs.c.job_no)
    .where(_c.number == bindparam("row"))
)


def place(connection: sa.Connection, number: int) -> Row | None:
    """node_id, job_id, rules, definition: of the row of this number."""
    return connection.execute(_PLACE, {"row": number}).one_or_none()


def purge(connection: sa.Connection, job_no: int) -> None:
    """The job goes, with all that is to happen to what it left on nodes."""
    of_job = sa.select(_c.number).where(_c.job_no == job_no)
    kinds = due.c.kind.in_(FILES_DUE.values())
    connection.execute(sa.delete(due).where(kinds, due.c.subject.in_(of_job)))
    connection.execute(sa.delete(job_nodes).where(_c.job_no == job_no))


_SHOWN = sa.select(job_nodes).where(sa.or_(_c.preparation_start.is_not(None), _c.release_start.is_not(None)))


def page(connection: sa.Connection, job_no: int, wanted: Wanted) -> Part[JobNodeRow]:
    """Where the job's preparation or release has run, in the order in which it was wanted there."""
    query = _SHOWN.where(_c.job_no == job_no)
    return cut(connection.execute(wanted.of(query, _c.number)).all(), wanted.limit)


def find(connection: sa.Connection, job_no: int, node_id: str) -> JobNodeRow | None:
    """The latest on a node of this id."""
    query = _SHOWN.where(_c.job_no == job_no, _c.node_id == node_id).order_by(_c.number.desc()).limit(1)
    return connection.execute(query).one_or_none()
