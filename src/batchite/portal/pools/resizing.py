"""Other sizes for pools: the form, and no other size after all."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch import wanting
from batchite.batch.conditions import Conditions
from batchite.batch.nodes import actions as node_actions
from batchite.batch.pools import resizing
from batchite.batch.pools.resizing import Targets
from batchite.portal import definitions, vacating
from batchite.portal.answers import Answer, Done, Page
from batchite.portal.definitions import Fields
from batchite.portal.visit import Visit
from batchite.resources.pools import PoolRow, Resizing
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.pools import BatchPoolResizeOptions
from batchite.wire.batch.validation.pools import RESIZE_TIMEOUT
from batchite.wire.batch.validation.resizing import accept_resize


def possible(visit: Visit, pool: PoolRow) -> Mapping[str, bool]:
    """Which changes of its size the pool's state, and the portal, permit now."""
    return {
        change: visit.can_change and resizing.why_not(pool, change) is None for change in resizing.CHANGES
    }


async def form(visit: Visit) -> Answer:
    pool, tasks = await _pool(visit)
    if (refusal := resizing.why_not(pool, "resize")) is not None:
        raise refusal
    given = {"dedicated": str(pool.target_dedicated), "spare": str(pool.target_low_priority)}
    return _form(pool, tasks, given)


async def resize(visit: Visit) -> Answer:
    pool, tasks = await _pool(visit)
    try:
        wanted = accept_resize(definitions.made(BatchPoolResizeOptions, _definition(Fields(visit.form))))
        becomes = wanted.node_deallocation_option
        how = Resizing(wanted.resize_timeout or RESIZE_TIMEOUT, becomes.value if becomes else "requeue")
        targets = Targets(_number(wanted.target_dedicated_nodes), _number(wanted.target_low_priority_nodes))
        await resizing.resize(visit.acting, pool.id, targets, how, Conditions())
    except BatchError as error:
        return _form(pool, tasks, visit.form, definitions.reason(error), error.status)
    return Done(visit.url("pools", pool.id), f"The pool {pool.id} is being resized.")


def _definition(fields: Fields) -> Mapping[str, object]:
    """A target that is empty stays as it is."""
    return {
        "targetDedicatedNodes": fields.number("dedicated"),
        "targetLowPriorityNodes": fields.number("spare"),
        "nodeDeallocationOption": fields.text("option"),
        "resizeTimeout": fields.text("timeout"),
    }


def _number(target: Maybe[int]) -> int | None:
    return target if isinstance(target, int) else None


async def _pool(visit: Visit) -> tuple[PoolRow, int]:
    """And how many tasks run there. Raises PoolNotFound."""
    one = wanting.wanted("nodes", limit=1)
    _, pool, work = await node_actions.page(visit.acting, visit.params["pool"], one, recent=False)
    return pool, sum(tasks for tasks, _ in work.running.values())


def _form(pool: PoolRow, tasks: int, given: Mapping[str, str], problem: str = "", status: int = 200) -> Page:
    values = {
        "pool": pool,
        "tasks": vacating.counted(tasks),
        "given": definitions.typed(given),
        "options": vacating.ALL,
        "problem": problem,
        "usual": str(RESIZE_TIMEOUT),
    }
    return Page("pools/resize.html", values, status=status)


async def stop(visit: Visit) -> Answer:
    pool_id = visit.params["pool"]
    await resizing.stop(visit.acting, pool_id, Conditions())
    return Done(visit.url("pools", pool_id), f"The resize of the pool {pool_id} is being stopped.")
