"""What explaining goes by, read in one transaction: the state of a shard, and the facts that it has not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.resources import boots
from batchite.scheduling import reasons
from batchite.scheduling.explaining import ResizeError, Scene
from batchite.scheduling.reasons import Reason
from batchite.scheduling.room import Usage
from batchite.store.batch import autoscaling, explaining, inbound, owned, usage
from batchite.store.batch.explaining import TroubledNode
from batchite.wire.batch import codec
from batchite.wire.batch.models.pools import AutoScaleRun


def read(connection: sa.Connection, acting: Acting, shard: str, *, with_tasks: bool = True) -> Scene:
    """The shard now, whoever owns it; why a pool does not grow has nothing to do with tasks."""
    owner = acting.services.owner
    state = owner.look(connection, shard, with_tasks=with_tasks)
    row = owned.pool(connection, shard)
    ranges = state.pool.rules.ports if state.pool is not None else ()
    return Scene(
        state,
        Usage(*usage.look(connection, acting.account), inbound.places(connection, ranges)),
        owner.limits(acting.account),
        {} if row is None else _told(connection, row.pool_no),
        ResizeError(0, "") if row is None else _resize(row),
        None if row is None else explaining.due_at(connection, "replace-nodes", row.pool_no),
        "" if row is None or not row.auto_scale else _formula_error(connection, row.pool_no),
    )


def _resize(pool: owned.Row) -> ResizeError:
    """How the last resize ended, for which there is a code only if it ended early."""
    errors = msgspec.json.decode(pool.resize_errors) if pool.resize_errors else []
    return ResizeError(pool.allocation_state_time, errors[0]["code"] if errors else "")


def _formula_error(connection: sa.Connection, pool_no: int) -> str:
    """With its place, of the last turn of the pool's formula."""
    scaling = autoscaling.find(connection, pool_no)
    run = None if scaling is None or scaling.run is None else codec.decode(scaling.run, AutoScaleRun)
    if run is None or not run.error:
        return ""
    return next((one.value for one in run.error.values or () if one.value), run.error.code or "")


def _told(connection: sa.Connection, pool_no: int) -> Mapping[str, Reason]:
    return {node.id: told(node) for node in explaining.troubled(connection, pool_no)}


def told(node: TroubledNode) -> Reason:
    """Why the node is of no use, with what the store knows of it."""
    if node.state == "starttaskfailed":
        exit_code = node.start_task_exit_code
        error = boots.start_task_error(node) if exit_code is None else None
        return reasons.NodeStartTaskFailed(exit_code, error or "")
    if node.state == "unusable":
        return reasons.NodeUnusable(boots.node_error(node) or "")
    return reasons.NodeStartFails(boots.node_error(node) or "")
