"""Filters of lists as conditions of statements; every value is a bound parameter.

Texts and enumerations are compared without regard to case. A property that a resource does not have
is unequal to every value and neither above nor below any.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from batchite.store.batch.keys import folded
from batchite.store.batch.schema import jobs, nodes, pools, tasks
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith, Value
from batchite.wire.ticks import Timestamp

Clause = sa.ColumnElement[bool]
Columns = Mapping[str, sa.ColumnElement[Any]]
Stored = str | bool | sa.ColumnElement[int]

POOLS: Columns = {
    "id": pools.c.key,
    "poolId": pools.c.key,
    "state": pools.c.state,
    "stateTransitionTime": pools.c.state_time,
    "allocationState": pools.c.allocation_state,
    "allocationStateTransitionTime": pools.c.allocation_state_time,
    "creationTime": pools.c.created,
    "enableAutoScale": pools.c.auto_scale,
    "lastModified": pools.c.modified,
    "vmSize": pools.c.vm_size,
    "enableInterNodeCommunication": pools.c.inter_node,
}
JOBS: Columns = {
    "id": jobs.c.key,
    "state": jobs.c.state,
    "stateTransitionTime": jobs.c.state_time,
    "creationTime": jobs.c.created,
    "lastModified": jobs.c.modified,
    "executionInfo/startTime": jobs.c.started,
    "executionInfo/endTime": jobs.c.ended,
    "executionInfo/poolId": sa.func.lower(jobs.c.pool_id),
}
TASKS: Columns = {
    "id": tasks.c.key,
    "state": tasks.c.state,
    "stateTransitionTime": tasks.c.state_time,
    "creationTime": tasks.c.created,
    "lastModifiedTime": tasks.c.modified,
    "lastModified": tasks.c.modified,
    "executionInfo/startTime": tasks.c.started,
    "executionInfo/endTime": tasks.c.ended,
    "executionInfo/exitCode": tasks.c.exit_code,
    "executionInfo/result": tasks.c.result,
}
NODES: Columns = {
    "state": nodes.c.state,
    "stateTransitionTime": nodes.c.state_time,
    "lastBootTime": nodes.c.booted,
    "allocationTime": nodes.c.allocated,
    "startTaskInfo/state": nodes.c.start_task_state,
    "startTaskInfo/result": nodes.c.start_task_result,
    "startTaskInfo/exitCode": nodes.c.start_task_exit_code,
    "startTaskInfo/startTime": nodes.c.start_task_start,
    "startTaskInfo/endTime": nodes.c.start_task_end,
}

_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_LARGEST = 2**63 - 1  # of the databases' integers


def compile_(expression: Expression, columns: Columns) -> Clause:
    """The condition; the expression has been checked against the list's fields."""
    match expression:
        case And(parts):
            return sa.and_(*(compile_(part, columns) for part in parts))
        case Or(parts):
            return sa.or_(*(compile_(part, columns) for part in parts))
        case StartsWith(name, text):
            return _starts_with(columns[name], folded(text))
        case Comparison(name, compared, literal):
            return _compare(columns[name], compared, _stored(literal))


def _starts_with(column: sa.ColumnElement[Any], text: str) -> Clause:
    """As a range, for which an index serves, unlike LIKE."""
    if not text:
        return column.is_not(None)
    following = text[:-1] + chr(ord(text[-1]) + 1) if ord(text[-1]) < 0xD7FF else None
    if following is None:
        return column.startswith(text, autoescape=True)
    return sa.and_(column >= text, column < following)


def _compare(column: sa.ColumnElement[Any], compared: str, value: Stored) -> Clause:
    if column is tasks.c.state and value == "active":
        return column.in_(("active", "leased")) if compared == "eq" else column.not_in(("active", "leased"))
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
