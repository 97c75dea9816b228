"""What nodes are told: first a page that says what comes of it, node by node, then the deed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, unquote, urlencode

from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.nodes import actions, changing
from batchite.batch.pools import actions as pools
from batchite.batch.pools import resizing
from batchite.portal import definitions, vacating
from batchite.portal.answers import Answer, Done, NotHere, Page, Refused
from batchite.portal.routes import change, form
from batchite.portal.visit import Visit
from batchite.resources.nodes import NodeRow
from batchite.resources.pools import PoolRow, Resizing
from batchite.resources.vacating import Option
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.nodes import (
    BatchNodeDeallocateOptions,
    BatchNodeDisableSchedulingOptions,
    BatchNodeRebootOptions,
    BatchNodeReimageOptions,
)
from batchite.wire.batch.models.pools import BatchNodeRemoveOptions
from batchite.wire.batch.validation.nodes import Options, option
from batchite.wire.batch.validation.pools import RESIZE_TIMEOUT
from batchite.wire.batch.validation.resizing import MOST_REMOVED, accept_removal

Name: TypeAlias = Literal[changing.Change, "remove"]
Tell: TypeAlias = Callable[[Acting, str, str, Option], Awaitable[object]]
"""Of a pool by its id, a node by its own."""
MOST: Final = MOST_REMOVED
"""nodes that are told something at once"""
FAILED: Final = ("starttaskfailed", "unusable")
"""states in which the start task, mended, is tried again on a node"""


@dataclass(frozen=True, slots=True)
class Order:
    """`button` says it to one node, `done` what it is then; `effect` is told before. `options`: what may
    become of tasks, empty if that is not to be chosen."""

    name: Name
    button: str
    done: str
    effect: str
    options: vacating.Words = ()


_ORDERS: Final = (
    Order(
        "reboot",
        "Reboot",
        "rebooted",
        "All that runs on it ends and it boots again: its files stay, and the pool's start task runs anew.",
        vacating.ALL,
    ),
    Order(
        "reimage",
        "Reimage",
        "made anew",
        "It is made anew under its id: its files go, and the pool's start task runs.",
        vacating.ALL,
    ),
    Order(
        "deallocate",
        "Deallocate",
        "deallocated",
        "It ends and its files go. It stays in the pool, and runs nothing until it is started.",
        vacating.ALL,
    ),
    Order("start", "Start", "started", "It boots with nothing of what it had, and its start task runs."),
    Order(
        "disable",
        "Disable scheduling",
        "told to take no more tasks",
        "It takes no more tasks until scheduling is enabled, and is offline once it has none.",
        vacating.ALL[:3],
    ),
    Order("enable", "Enable scheduling", "told to take tasks again", "It takes tasks again."),
    Order(
        "preempt",
        "Preempt",
        "preempted",
        "It is taken away as the cloud takes low-priority nodes: its tasks have a notice to end, and wait to "
        "run again; its files go; it comes back under its id after a while.",
    ),
    Order(
        "remove",
        "Remove",
        "taken out of the pool",
        "It leaves the pool with its files, and the pool is to have one node fewer for each.",
        vacating.ALL,
    ),
)
ORDERS: Final[Mapping[str, Order]] = {order.name: order for order in _ORDERS}


def permitted(pool: PoolRow, node: NodeRow) -> Sequence[Order]:
    """What the node can be told now."""
    return [order for order in _ORDERS if _why_not(pool, node, order) is None]


def several(permitted: Mapping[str, Sequence[Order]]) -> Sequence[Order]:
    """What at least one of the nodes can be told now."""
    return [order for order in _ORDERS if any(order in orders for orders in permitted.values())]


def _why_not(pool: PoolRow, node: NodeRow, order: Order) -> BatchError | None:
    if order.name == "remove":
        return resizing.why_not(pool, "remove")
    return changing.why_not(node, order.name)


@dataclass(frozen=True, slots=True)
class Told:
    """A node that is, or (`why_not`) is not, to be told something; so many tasks run there."""

    node: NodeRow
    tasks: int
    why_not: str


async def ask(visit: Visit) -> Answer:
    """The page that says what would come of it."""
    order, pool_id = _order(visit), visit.params["pool"]
    pool = await pools.find(visit.acting, pool_id)
    names = _names(visit)
    rows = await actions.several(visit.acting, pool_id, names)
    running = (await actions.work(visit.acting, rows)).running
    every = [_told(pool, row, order, running.get(row.node_no, (0, 0))[0]) for row in rows]
    told = [each for each in every if not each.why_not]
    left = [each for each in every if each.why_not]
    if not told:
        raise Refused(409, _nobody(left))
    target = visit.url("pools", pool_id, "tell", order.name)
    values = {
        "order": order,
        "pool_id": pool.id,
        "told": told,
        "left": left,
        "gone": len(names) - len(every),
        "tasks": sum(each.tasks for each in told),
        "counted": vacating.counted,
        "target": f"{target}?{urlencode([('node', quote(each.node.id)) for each in told])}",
        "back": _back(visit, names),
    }
    return Page("nodes/tell.html", values)


def _told(pool: PoolRow, node: NodeRow, order: Order, tasks: int) -> Told:
    refusal = _why_not(pool, node, order)
    return Told(node, tasks, "" if refusal is None else refusal.message)


def _nobody(left: Sequence[Told]) -> str:
    return f"{left[0].node.id}: {left[0].why_not}" if left else "None of these nodes is there any more."


async def tell(visit: Visit) -> Answer:
    """Each of them; one that refuses keeps none of the others."""
    order, pool_id, names = _order(visit), visit.params["pool"], _names(visit)
    chosen = visit.form.get("option", "")
    if order.name == "remove":
        await _remove(visit.acting, pool_id, names, chosen)
        return Done(visit.url("pools", pool_id), _said(order, names))
    wanted, refusals = _option(order.name, chosen), []
    for name in names:
        try:
            await _TELLS[order.name](visit.acting, pool_id, name, wanted)
        except BatchError as refusal:
            refusals.append((name, refusal))
    if refusals:
        name, first = refusals[0]
        if len(names) == 1:
            raise first
        done = len(names) - len(refusals)
        raise Refused(409, f"{done} of {len(names)} nodes are being {order.done}. {name}: {first.message}")
    return Done(_back(visit, names), _said(order, names))


def _said(order: Order, names: Sequence[str]) -> str:
    return f"{_these(names)} {'is' if len(names) == 1 else 'are'} being {order.done}."


def _these(names: Sequence[str]) -> str:
    return f"Node {names[0]}" if len(names) == 1 else f"{len(names)} nodes"


def _back(visit: Visit, names: Sequence[str]) -> str:
    """The page of the one node, or else of the pool."""
    of_node = ("nodes", names[0]) if len(names) == 1 else ()
    return visit.url("pools", visit.params["pool"], *of_node)


def _order(visit: Visit) -> Order:
    """Raises NotHere."""
    order = ORDERS.get(visit.params["order"])
    if order is None:
        raise NotHere("There is nothing of that name that nodes could be told.")
    return order


def _names(visit: Visit) -> Sequence[str]:
    """Ids of nodes, each once. In the query they are percent-encoded before all else, so a page has to show
    none of them as it is. Raises Refused."""
    names = list(dict.fromkeys(unquote(value) for name, value in visit.request.query if name == "node"))
    if not 1 <= len(names) <= MOST:
        raise Refused(400, f"Choose nodes first, 1 to {MOST}, by the boxes before their names.")
    return names


async def _remove(acting: Acting, pool_id: str, names: Sequence[str], chosen: str) -> None:
    given = {"nodeList": names, "nodeDeallocationOption": chosen or None}
    options = accept_removal(definitions.made(BatchNodeRemoveOptions, given))
    becomes = options.node_deallocation_option
    how = Resizing(options.resize_timeout or RESIZE_TIMEOUT, becomes.value if becomes else "requeue")
    await resizing.remove_nodes(acting, pool_id, options.node_list, how, Conditions())


_OPTIONS: Final[Mapping[str, tuple[type[Options], str]]] = {
    "reboot": (BatchNodeRebootOptions, "nodeRebootOption"),
    "reimage": (BatchNodeReimageOptions, "nodeReimageOption"),
    "deallocate": (BatchNodeDeallocateOptions, "nodeDeallocateOption"),
    "disable": (BatchNodeDisableSchedulingOptions, "nodeDisableSchedulingOption"),
}


def _option(name: Name, chosen: str) -> Option:
    """The default where there is nothing to choose. Raises BatchError."""
    if name not in _OPTIONS:
        return "requeue"
    model, field = _OPTIONS[name]
    return option(definitions.made(model, {field: chosen or None}))


async def _reimage(acting: Acting, pool_id: str, node_id: str, wanted: Option) -> object:
    return await changing.reimage(acting, pool_id, node_id, wanted, of_any_pool=True)


_TELLS: Final[Mapping[str, Tell]] = {
    "reboot": changing.reboot,
    "reimage": _reimage,
    "deallocate": changing.deallocate,
    "start": lambda acting, pool_id, node_id, _: changing.start(acting, pool_id, node_id),
    "disable": changing.disable_scheduling,
    "enable": lambda acting, pool_id, node_id, _: changing.enable_scheduling(acting, pool_id, node_id),
    "preempt": lambda acting, pool_id, node_id, _: changing.preempt(acting, pool_id, node_id),
}

_TELL = "/batch/{account}/pools/{pool}/tell/{order}"

ROUTES = (form(_TELL, ask), change(_TELL, tell))
