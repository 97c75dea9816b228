"""`$filter` of each list that lies in the database: which properties, and which columns hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from batchite.batch.call import Call
from batchite.store.batch import filtering
from batchite.wire.batch.odata import fields


@dataclass(frozen=True, slots=True)
class Filter:
    """The filterable properties of a list and their columns."""

    fields: Mapping[str, fields.Field]
    columns: filtering.Columns


POOLS = Filter(fields.POOLS, filtering.POOLS)
JOBS = Filter(fields.JOBS, filtering.JOBS)
TASKS = Filter(fields.TASKS, filtering.TASKS)
NODES = Filter(fields.NODES, filtering.NODES)
NODE_COUNTS = Filter({"poolId": fields.Field("text", ("eq",))}, filtering.POOLS)


def clause(call: Call, known: Filter) -> sa.ColumnElement[bool]:
    """The request's filter as a condition; true if it has none. Raises BatchError."""
    text = call.query.get("$filter")
    if text is None:
        return sa.true()
    return filtering.compile_(fields.read(text, known.fields), known.columns)
