"""What is wanted of a list, said without HTTP and without SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from batchite.store.batch import filtering
from batchite.store.batch.pages import Part as Part
from batchite.store.batch.pages import Wanted as Wanted
from batchite.wire.batch.odata import fields
from batchite.wire.batch.odata.filter import Expression

Listed: TypeAlias = Literal[
    "pools",
    "nodes",
    "jobs",
    "tasks",
    "node counts",
    "job schedules",
    "jobs of a schedule",
    "nodes of a job",
]

_TABLES: Final[Mapping[Listed, filtering.Columns]] = {
    "pools": filtering.POOLS,
    "nodes": filtering.NODES,
    "jobs": filtering.JOBS,
    "tasks": filtering.TASKS,
    "node counts": filtering.NODE_COUNTS,
    "job schedules": filtering.JOB_SCHEDULES,
    "jobs of a schedule": filtering.JOBS_OF_SCHEDULE,
    "nodes of a job": filtering.JOB_NODES,
}


def wanted(
    listed: Listed,
    expression: Expression | None = None,
    text: str = "",
    *,
    limit: int,
    after: int = 0,
    newest_first: bool = False,
) -> Wanted:
    """At most `limit` of those for which the expression holds, after the one with the number `after`.

    `text` is what the expression was made from, for errors. Raises BatchError for a property, operator or
    value that the list does not know.
    """
    table = _TABLES[listed]
    checked = None if expression is None else fields.check(expression, table.properties, text)
    return Wanted(limit, after, filtering.clause(checked, table), newest_first, checked)
