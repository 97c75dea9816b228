"""What lists can be filtered by, and filters as conditions of statements; every value is a bound parameter.

Texts and enumerations are compared without regard to case. A property that a resource does not have
is unequal to every value and neither above nor below any.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from batchite.resources import states
from batchite.resources.keys import folded
from batchite.store.batch.schema import (
    certificates,
    job_nodes,
    job_schedules,
    jobs,
    node_spans,
    nodes,
    pools,
    tasks,
)
from batchite.wire.batch.models import enums
from batchite.wire.batch.models.certificates import BatchCertificate
from batchite.wire.batch.models.counts import BatchPoolNodeCounts
from batchite.wire.batch.models.job_schedules import BatchJobSchedule
from batchite.wire.batch.models.job_tasks import BatchJobPreparationAndReleaseTaskStatus
from batchite.wire.batch.models.jobs import BatchJob
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import BatchPool
from batchite.wire.batch.models.statistics import BatchPoolUsageMetrics
from batchite.wire.batch.models.tasks import BatchTask
from batchite.wire.batch.odata.fields import (
    ID_RANGE,
    NAME,
    NUMBER,
    ONE_NAME,
    TEXT,
    TIME,
    TRUTH,
    Table,
    one_of,
)
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith, Value
from batchite.wire.ticks import Timestamp

Clause = sa.ColumnElement[bool]
Columns = Table[sa.ColumnElement[Any]]
Stored = str | bool | sa.ColumnElement[int]

POOLS: Columns = Table(
    BatchPool,
    {
        "id": (TEXT, pools.c.key),
        "state": (one_of(enums.BatchPoolState), pools.c.state),
        "stateTransitionTime": (TIME, pools.c.state_time),
        "allocationState": (one_of(enums.AllocationState, ("eq",)), pools.c.allocation_state),
        "allocationStateTransitionTime": (TIME, pools.c.allocation_state_time),
        "creationTime": (TIME, pools.c.created),
        "enableAutoScale": (TRUTH, pools.c.auto_scale),
        "lastModified": (TIME, pools.c.modified),
        "vmSize": (NAME, pools.c.vm_size),
        "enableInterNodeCommunication": (TRUTH, pools.c.inter_node),
    },
)
JOBS: Columns = Table(
    BatchJob,
    {
        "id": (TEXT, jobs.c.key),
        "state": (one_of(enums.BatchJobState), jobs.c.state),
        "stateTransitionTime": (TIME, jobs.c.state_time),
        "creationTime": (TIME, jobs.c.created),
        "lastModified": (TIME, jobs.c.modified),
        "executionInfo/startTime": (TIME, jobs.c.started),
        "executionInfo/endTime": (TIME, jobs.c.ended),
        "executionInfo/poolId": (TEXT, sa.func.lower(jobs.c.pool_id)),
    },
)
JOBS_OF_SCHEDULE: Columns = Table(
    BatchJob, {name: place for name, place in JOBS.properties.items() if name != "id"}
)
JOB_SCHEDULES: Columns = Table(
    BatchJobSchedule,
    {
        "id": (TEXT, job_schedules.c.key),
        "state": (one_of(enums.BatchJobScheduleState), job_schedules.c.state),
        "stateTransitionTime": (TIME, job_schedules.c.state_time),
        "creationTime": (TIME, job_schedules.c.created),
        "lastModified": (TIME, job_schedules.c.modified),
        "executionInfo/endTime": (TIME, job_schedules.c.ended),
        "schedule/doNotRunUntil": (TIME, job_schedules.c.do_not_run_until),
        "schedule/doNotRunAfter": (TIME, job_schedules.c.do_not_run_after),
    },
)
CERTIFICATES: Columns = Table(
    BatchCertificate,
    {
        "state": (one_of(enums.BatchCertificateState), certificates.c.state),
        "stateTransitionTime": (TIME, certificates.c.state_time),
    },
)
TASKS: Columns = Table(
    BatchTask,
    {
        "id": (TEXT, tasks.c.key),
        "state": (one_of(enums.BatchTaskState), tasks.c.state),
        "stateTransitionTime": (TIME, tasks.c.state_time),
        "creationTime": (TIME, tasks.c.created),
        "lastModifiedTime": (
            TIME,
            tasks.c.modified,
        ),  # so spelled in the service's table, unlike the property
        "lastModified": (TIME, tasks.c.modified),
        "executionInfo/startTime": (TIME, tasks.c.started),
        "executionInfo/endTime": (TIME, tasks.c.ended),
        "executionInfo/exitCode": (NUMBER, tasks.c.exit_code),
        "executionInfo/result": (one_of(enums.BatchTaskExecutionResult), tasks.c.result),
    },
)


def unindexed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The same value, as no index knows it: only so the databases take the index that is meant."""
    return sa.func.coalesce(column, column)


UNINDEXED_TASKS: Columns = Table(
    BatchTask,
    {name: (field, unindexed(column)) for name, (field, column) in TASKS.properties.items()},
)
_TASK_STATES = (tasks.c.state, UNINDEXED_TASKS.properties["state"][1])
NODES: Columns = Table(
    BatchNode,
    {
        "state": (one_of(enums.BatchNodeState), nodes.c.state),
        "stateTransitionTime": (TIME, nodes.c.state_time),
        "lastBootTime": (TIME, nodes.c.booted),
        "allocationTime": (TIME, nodes.c.allocated),
        "startTaskInfo/state": (one_of(enums.BatchStartTaskState, ("eq",)), nodes.c.start_task_state),
        "startTaskInfo/result": (one_of(enums.BatchTaskExecutionResult), nodes.c.start_task_result),
        "startTaskInfo/exitCode": (NUMBER, nodes.c.start_task_exit_code),
        "startTaskInfo/startTime": (TIME, nodes.c.start_task_start),
        "startTaskInfo/endTime": (TIME, nodes.c.start_task_end),
    },
)


def _of_job_task(shown: str, task: str, states: type[enums.WireEnum]) -> dict[str, Any]:
    """What of the runs of a job's preparation or release a list can be filtered by."""
    return {
        f"{shown}/state": (one_of(states), job_nodes.c[f"{task}_state"]),
        f"{shown}/startTime": (TIME, job_nodes.c[f"{task}_start"]),
        f"{shown}/endTime": (TIME, job_nodes.c[f"{task}_end"]),
        f"{shown}/exitCode": (NUMBER, job_nodes.c[f"{task}_exit_code"]),
        f"{shown}/result": (one_of(enums.BatchTaskExecutionResult), job_nodes.c[f"{task}_result"]),
    }


OF_RELEASE = "jobReleaseTaskExecutionInfo"
JOB_NODES: Columns = Table(
    BatchJobPreparationAndReleaseTaskStatus,
    {
        "poolId": (NAME, sa.func.lower(job_nodes.c.pool_id)),
        "nodeId": (NAME, sa.func.lower(job_nodes.c.node_id)),
        **_of_job_task("jobPreparationTaskExecutionInfo", "preparation", enums.BatchJobPreparationTaskState),
        **_of_job_task(OF_RELEASE, "release", enums.BatchJobReleaseTaskState),
    },
)
USAGE: Columns = Table(BatchPoolUsageMetrics, {"poolId": (ID_RANGE, node_spans.c.pool_key)})
NODE_COUNTS: Columns = Table(BatchPoolNodeCounts, {"poolId": (ONE_NAME, pools.c.key)})

_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_LARGEST = 2**63 - 1  # of the databases' integers


def clause(wanted: Expression | None, table: Columns) -> Clause:
    """The filter, which has been checked, as a condition; true if there is none."""
    match wanted:
        case None:
            return sa.true()
        case And(parts):
            return sa.and_(*(clause(part, table) for part in parts))
        case Or(parts):
            return sa.or_(*(clause(part, table) for part in parts))
        case StartsWith() | Comparison():
            return holds(table.properties[wanted.property][1], wanted)


def holds(column: sa.ColumnElement[Any], term: StartsWith | Comparison) -> Clause:
    """What is said of a property, as a condition of this column."""
    if isinstance(term, StartsWith):
        return starts_with(column, folded(term.text))
    return _compare(column, term.operator, _stored(term.literal))


def starts_with(column: sa.ColumnElement[Any], text: str) -> Clause:
    """As a range, for which an index serves, unlike LIKE."""
    if not text:
        return column.is_not(None)
    following = text[:-1] + chr(ord(text[-1]) + 1) if ord(text[-1]) < 0xD7FF else None
    if following is None:
        return column.startswith(text, autoescape=True)
    return sa.and_(column >= text, column < following)


def _compare(column: sa.ColumnElement[Any], compared: str, value: Stored) -> Clause:
    if any(column is state for state in _TASK_STATES):
        stored = states.shown_as(str(value))
        return column.in_(stored) if compared == "eq" else column.not_in(stored)
    if compared == "eq":
        return column == value
    if compared == "ne":
        return column.is_distinct_from(value)
    clause: Clause = _ORDER[compared](column, value)
    return clause


def _stored(literal: Value) -> Stored:
    """The literal as the columns hold it; a number may be beyond those of its column."""
    if isinstance(literal, str):
        return folded(literal)
    if isinstance(literal, bool):
        return literal
    number = literal.ticks if isinstance(literal, Timestamp) else literal
    return sa.literal(max(-_LARGEST, min(number, _LARGEST)), sa.BigInteger)
