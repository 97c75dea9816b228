"""Pools: the operations on them."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, operation
from batchite.batch.pools import actions
from batchite.resources.pools import shown
from batchite.store.batch import filtering
from batchite.wire.batch.models.pools import BatchPool, BatchPoolCreateOptions
from batchite.wire.batch.validation.pools import accept


async def add(call: Call) -> Response:
    pool = accept(await call.body(BatchPoolCreateOptions))
    await actions.add(call.acting, pool)
    return answers.created(call, call.now.ticks, call.url("pools", pool.id))


async def get(call: Call) -> Response:
    pool = await actions.find(call.acting, call.params["poolId"])
    call.conditions.check_read(pool.modified)
    return answers.entity(call, "pools", shown(pool, call.url), modified=pool.modified)


async def exists(call: Call) -> Response:
    pool = await actions.find(call.acting, call.params["poolId"])
    call.conditions.check_read(pool.modified)
    return answers.empty(call, 200, modified=pool.modified)


async def list_(call: Call) -> Response:
    part = await actions.page(call.acting, listing.wanted(call, filtering.POOLS))
    return listing.answer(
        call, "pools", part, BatchPool, lambda pool: shown(pool, call.url), lambda pool: pool.pool_no
    )


async def delete(call: Call) -> Response:
    await actions.delete(call.acting, call.params["poolId"], call.conditions)
    return answers.empty(call, 202)


OPERATIONS = (
    operation("Pool_Add", add),
    operation("Pool_List", list_, FILTERED | EXPAND),
    operation("Pool_Get", get, EXPAND, CONDITIONAL),
    operation("Pool_Exists", exists, conditions=CONDITIONAL),
    operation("Pool_Delete", delete, conditions=CONDITIONAL),
)
