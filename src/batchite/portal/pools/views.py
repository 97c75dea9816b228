"""Pools: the list, and one pool with its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from batchite.batch import wanting
from batchite.batch.nodes import actions as node_actions
from batchite.batch.pools import actions
from batchite.portal import lists
from batchite.portal.answers import Answer, Page, watch
from batchite.portal.nodes import telling
from batchite.portal.pools import autoscale, changing, glance, resizing, retrying, timeline, troubles
from batchite.portal.routes import change, form, show
from batchite.portal.shares import Shares, by_state
from batchite.portal.visit import Visit
from batchite.resources import nodes, pools
from batchite.wire.batch import vm_sizes
from batchite.wire.batch.models.pools import BatchPool

WORDS: Final = {
    "id": "id",
    "state": "state",
    "allocation": "allocationState",
    "size": "vmSize",
}
NODE_WORDS: Final = {"state": "state", "starttask": "startTaskInfo/result"}


@dataclass(frozen=True, slots=True)
class Row:
    """A pool of the list, with its nodes by state."""

    pool: BatchPool
    nodes: Shares
    total: int


async def list_(visit: Visit) -> Answer:
    asked = lists.asked(visit, "pools", WORDS)
    rows: list[Row] = []
    more = ""
    if asked.wanted is not None:
        part = await actions.page(visit.acting, asked.wanted)
        counted = {
            found.number: found.nodes
            for found in (await node_actions.counts(visit.acting, asked.wanted)).rows
        }
        rows = [_row(visit, pool, counted.get(pool.pool_no, {})) for pool in part.rows]
        more = lists.next_page(visit, part, lambda pool: pool.pool_no)
    return Page(
        "pools/list.html", {"asked": asked, "rows": rows, "more": more}, watches=watch("pool", "node")
    )


def _row(visit: Visit, pool: pools.PoolRow, counted: Mapping[tuple[bool, str], int]) -> Row:
    states = by_state(counted)
    return Row(pools.shown(pool, visit.url), states, sum(count for _, count in states))


async def show_one(visit: Visit) -> Answer:
    pool_id = visit.params["pool"]
    asked = lists.asked(visit, "nodes", NODE_WORDS)
    wanted = asked.wanted or wanting.wanted("nodes", limit=lists.ROWS)
    part, row, work = await node_actions.page(visit.acting, pool_id, wanted, recent=False)
    definition = pools.definition(row)
    only = wanting.wanted("pools", limit=1, after=row.pool_no - 1)
    counted = (await node_actions.counts(visit.acting, only)).rows
    states = by_state(counted[0].nodes) if counted else []
    why = await troubles.of(visit, row.id)
    orders = {node.id: telling.permitted(row, node) if visit.can_change else () for node in part.rows}
    values = {
        "pool": pools.shown(row, visit.url),
        "size": vm_sizes.find(definition.vm_size),
        "states": states,
        "total": sum(count for _, count in states),
        "failing": sum(count for state, count in states if state in telling.FAILED),
        "reasons": why,
        "start_task": await troubles.of_start_task(visit, row.id, why),
        "glance": await glance.of(visit.acting, row, definition.task_slots_per_node or 1, work),
        "nodes": [nodes.shown(node, definition, work, visit.url) for node in part.rows],
        "told": {node.id: (node.tier, node.image) for node in part.rows},
        "orders": orders,
        "of_chosen": telling.several(orders),
        "can": resizing.possible(visit, row),
        "asked": asked,
        "more": lists.next_page(visit, part, lambda node: node.node_no),
    }
    return Page("pools/pool.html", values, watches=watch("pool", "node", "task", pool=row.id))


ROUTES = (
    show("/batch/{account}/pools", list_),
    show("/batch/{account}/pools/{pool}", show_one),
    form("/batch/{account}/new-pool", changing.form),
    change("/batch/{account}/new-pool", changing.add),
    change("/batch/{account}/pools/{pool}/delete", changing.delete),
    form("/batch/{account}/pools/{pool}/resize", resizing.form),
    change("/batch/{account}/pools/{pool}/resize", resizing.resize),
    change("/batch/{account}/pools/{pool}/stop-resize", resizing.stop),
    form("/batch/{account}/pools/{pool}/start-task", retrying.form),
    change("/batch/{account}/pools/{pool}/start-task", retrying.save),
    *autoscale.ROUTES,
    *timeline.ROUTES,
)
