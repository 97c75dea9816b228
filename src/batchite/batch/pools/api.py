"""Pools: the operations on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, operation
from batchite.batch.pools import actions, autoscaling, resizing, trials
from batchite.batch.pools.resizing import Targets
from batchite.batch.usage import actions as usage
from batchite.resources.pool_usage import PoolSums, of_pools
from batchite.resources.pools import PoolRow, Resizing, shown
from batchite.resources.vacating import Option
from batchite.store.batch import filtering
from batchite.store.batch.recording import Changed
from batchite.wire.batch.models.enums import BatchNodeDeallocationOption
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.pools import (
    BatchNodeRemoveOptions,
    BatchPool,
    BatchPoolCreateOptions,
    BatchPoolEnableAutoScaleOptions,
    BatchPoolEvaluateAutoScaleOptions,
    BatchPoolReplaceOptions,
    BatchPoolResizeOptions,
    BatchPoolUpdateOptions,
    PoolUpgradeOSParameter,
)
from batchite.wire.batch.models.statistics import BatchPoolStatistics
from batchite.wire.batch.validation.autoscaling import accept_enabling, accept_evaluation
from batchite.wire.batch.validation.pools import (
    RESIZE_TIMEOUT,
    accept,
    of_empty_pools,
    os_version,
    patched,
    replaced,
)
from batchite.wire.batch.validation.resizing import accept_removal, accept_resize


async def add(call: Call) -> Response:
    pool = accept(await call.body(BatchPoolCreateOptions), autoscaling.least_interval(call.services))
    await actions.add(call.acting, pool)
    return answers.created(call, call.now.ticks, call.url("pools", pool.id))


async def get(call: Call) -> Response:
    pool = await actions.find(call.acting, call.params["poolId"])
    call.conditions.check_read(pool.modified)
    (shape,) = await _shown(call, [pool])
    return answers.entity(call, "pools", shape, modified=pool.modified)


async def exists(call: Call) -> Response:
    pool = await actions.find(call.acting, call.params["poolId"])
    call.conditions.check_read(pool.modified)
    return answers.empty(call, 200, modified=pool.modified)


async def list_(call: Call) -> Response:
    part = await actions.page(call.acting, listing.wanted(call, filtering.POOLS))
    shapes = await _shown(call, part.rows)
    return listing.answer(call, "pools", part, BatchPool, shapes, lambda pool: pool.pool_no)


async def _shown(call: Call, found: Sequence[PoolRow]) -> list[BatchPool]:
    """With their statistics, if these are asked for."""
    if not call.wants_statistics(BatchPool):
        return [shown(pool, call.url) for pool in found]
    sums = await usage.sums(call.acting, found)
    return [shown(pool, call.url, _statistics(call, pool, sums.get(pool.pool_no))) for pool in found]


def _statistics(call: Call, pool: PoolRow, sums: PoolSums | None) -> BatchPoolStatistics:
    url = f"{call.url('pools', pool.id)}?$expand=stats"
    return of_pools(sums or PoolSums(), url, pool.created, call.now.ticks)


async def patch(call: Call) -> Response:
    options = await call.body(BatchPoolUpdateOptions)
    only_empty = tuple(of_empty_pools(options))
    return await _update(call, 200, (), lambda pool: patched(pool, options), only_empty)


async def update_properties(call: Call) -> Response:
    options = await call.body(BatchPoolReplaceOptions)
    return await _update(call, 204, ("updateproperties",), lambda pool: replaced(pool, options))


async def _update(
    call: Call,
    status: int,
    action: Sequence[str],
    change: Callable[[BatchPoolCreateOptions], BatchPoolCreateOptions],
    only_empty: Sequence[str] = (),
) -> Response:
    changed = await actions.update(call.acting, call.params["poolId"], change, call.conditions, only_empty)
    return _changed(call, status, changed, *action)


async def upgrade_os(call: Call) -> Response:
    version = os_version(await call.body(PoolUpgradeOSParameter))
    changed = await actions.upgrade_os(call.acting, call.params["poolId"], version, call.conditions)
    return _changed(call, 202, changed, "upgradeos")


async def delete(call: Call) -> Response:
    await actions.delete(call.acting, call.params["poolId"], call.conditions)
    return answers.empty(call, 202)


async def resize(call: Call) -> Response:
    wanted = accept_resize(await call.body(BatchPoolResizeOptions))
    changed = await resizing.resize(
        call.acting,
        call.params["poolId"],
        Targets(_number(wanted.target_dedicated_nodes), _number(wanted.target_low_priority_nodes)),
        _how(wanted),
        call.conditions,
    )
    return _changed(call, 202, changed)


async def stop_resize(call: Call) -> Response:
    changed = await resizing.stop(call.acting, call.params["poolId"], call.conditions)
    return _changed(call, 202, changed)


async def remove_nodes(call: Call) -> Response:
    wanted = accept_removal(await call.body(BatchNodeRemoveOptions))
    changed = await resizing.remove_nodes(
        call.acting, call.params["poolId"], wanted.node_list, _how(wanted), call.conditions
    )
    return _changed(call, 202, changed)


def _number(target: Maybe[int]) -> int | None:
    return target if isinstance(target, int) else None


def _how(wanted: BatchPoolResizeOptions | BatchNodeRemoveOptions) -> Resizing:
    option: Option = (wanted.node_deallocation_option or BatchNodeDeallocationOption.REQUEUE).value
    return Resizing(wanted.resize_timeout or RESIZE_TIMEOUT, option)


async def enable_auto_scale(call: Call) -> Response:
    wanted = accept_enabling(
        await call.body(BatchPoolEnableAutoScaleOptions), autoscaling.least_interval(call.services)
    )
    changed = await autoscaling.enable(call.acting, call.params["poolId"], wanted, call.conditions)
    return _changed(call, 200, changed)


async def disable_auto_scale(call: Call) -> Response:
    return _changed(call, 200, await autoscaling.disable(call.acting, call.params["poolId"]))


async def evaluate_auto_scale(call: Call) -> Response:
    formula = accept_evaluation(await call.body(BatchPoolEvaluateAutoScaleOptions))
    trial = await trials.evaluate(call.acting, call.params["poolId"], formula)
    return answers.result(call, _AUTO_SCALE_RUN, trial.run)


def _changed(call: Call, status: int, changed: Changed, *action: str) -> Response:
    return answers.changed(call, status, changed, "pools", changed.id, *action)


_AUTO_SCALE_RUN = "Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun"

OPERATIONS = (
    operation("Pool_Add", add),
    operation("Pool_List", list_, FILTERED | EXPAND),
    operation("Pool_Get", get, EXPAND, CONDITIONAL),
    operation("Pool_Exists", exists, conditions=CONDITIONAL),
    operation("Pool_Delete", delete, conditions=CONDITIONAL),
    operation("Pool_Patch", patch, conditions=CONDITIONAL),
    operation("Pool_UpdateProperties", update_properties),
    operation("Pool_UpgradeOs", upgrade_os, conditions=CONDITIONAL),
    operation("Pool_Resize", resize, conditions=CONDITIONAL),
    operation("Pool_StopResize", stop_resize, conditions=CONDITIONAL),
    operation("Pool_RemoveNodes", remove_nodes, conditions=CONDITIONAL),
    operation("Pool_EnableAutoScale", enable_auto_scale, conditions=CONDITIONAL),
    operation("Pool_DisableAutoScale", disable_auto_scale),
    operation("Pool_EvaluateAutoScale", evaluate_auto_scale),
)
