"""`$filter` of lists: which properties, and which columns hold those of lists that lie in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from batchite.batch.call import Call
from batchite.store.batch import filtering
from batchite.wire.batch.models.counts import BatchPoolNodeCounts
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.jobs import BatchJob
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import BatchPool
from batchite.wire.batch.models.tasks import BatchTask
from batchite.wire.batch.odata import fields
from batchite.wire.batch.odata.filter import Expression


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list consists of, the properties it can be filtered by, and their columns."""

    model: type[Model]
    fields: Mapping[str, fields.Field]
    columns: filtering.Columns


POOLS = Filter(BatchPool, fields.POOLS, filtering.POOLS)
JOBS = Filter(BatchJob, fields.JOBS, filtering.JOBS)
TASKS = Filter(BatchTask, fields.TASKS, filtering.TASKS)
NODES = Filter(BatchNode, fields.NODES, filtering.NODES)
NODE_COUNTS = Filter(BatchPoolNodeCounts, {"poolId": fields.Field("text", ("eq",))}, filtering.POOLS)


def clause(call: Call, known: Filter) -> sa.ColumnElement[bool]:
    """The request's filter as a condition; true if it has none. Raises BatchError."""
    wanted = expression(call, known.model, known.fields)
    return sa.true() if wanted is None else filtering.compile_(wanted, known.columns)


def expression(call: Call, model: type[Model], known: Mapping[str, fields.Field]) -> Expression | None:
    """The request's filter with the newest names of properties, None if it has none. Raises BatchError."""
    text = call.query.get("$filter")
    if text is None:
        return None
    if call.version.is_newest:
        return fields.read(text, known)
    paths = call.version.paths(model, known)
    return fields.renamed(fields.read(text, {own: known[newest] for own, newest in paths.items()}), paths)
