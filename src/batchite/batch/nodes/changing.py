"""What compute nodes are told: to boot again, to be deallocated or started, to take tasks or none.

What is wanted is stored with the state that clients see, in the transaction before the answer; the owner of
the shard then does it (`scheduling.vacating`, `scheduling.restarts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from batchite.batch import changing
from batchite.batch.acting import Acting
from batchite.batch.pools import actions as pools
from batchite.resources.nodes import OF_BOOT, NodeRow
from batchite.resources.states import NODE
from batchite.resources.vacating import PREEMPTED, Option, Purpose
from batchite.scheduling.vacating import PHASES
from batchite.store.batch import nodes
from batchite.store.batch import pools as stored_pools
from batchite.store.batch.recording import Changed
from batchite.wire.batch import images
from batchite.wire.batch.errors import BatchError

Values = Mapping[str, Any]
"""Of columns."""

BOOTS: Final[Values] = {**dict.fromkeys(OF_BOOT), "start_task_attempt": 0, "errors": None}
"""Of a node that is about to boot: nothing is known of that boot yet."""

Change = Literal["reboot", "reimage", "deallocate", "start", "preempt", "disable", "enable"]

_NEXT: Final = {
    "offline": "Enable its scheduling first.",
    "deallocating": "Wait until it is deallocated, and start it.",
    "deallocated": "Start it instead.",
    "leavingpool": "Name another node: this one leaves its pool.",
}
"""What to do about a node that does not boot again in this state; most states pass."""
_NEXT_OF_START: Final = {
    "deallocating": "Wait until it is.",
    "leavingpool": _NEXT["leavingpool"],
}


def why_not(node: NodeRow, change: Change) -> BatchError | None:
    """Why the node cannot be told that now, by the rules of the actions below; None: it can. Of `reimage`, as
    for nodes of any pool."""
    try:
        _check_pool(node)
        _CHECKS[change](node)
    except BatchError as refusal:
        return refusal
    return None


async def reboot(acting: Acting, pool_id: str, node_id: str, option: Option) -> Changed:
    """Begin to boot the node again; its files stay. Raises BatchError."""
    return await _change(acting, pool_id, node_id, lambda node: _vacated(node, "reboot", option))


async def reimage(
    acting: Acting, pool_id: str, node_id: str, option: Option, *, of_any_pool: bool
) -> Changed:
    """Begin to make the node anew. Raises BatchError, also for one of a pool that is none of cloud services,
    unless nodes may be `of_any_pool`."""

    def plan(node: NodeRow) -> Values:
        if not (of_any_pool or _is_cloud_service(node)):
            detail = (
                "Nodes of a pool with virtualMachineConfiguration are not reimaged. Reboot the node, or have "
                "it made anew by batchite node reimage, or set reimages_all = true in [fidelity]."
            )
            raise BatchError("OperationNotValidOnNode", detail)
        return _vacated(node, "reimage", option)

    return await _change(acting, pool_id, node_id, plan)


async def deallocate(acting: Acting, pool_id: str, node_id: str, option: Option) -> Changed:
    """Begin to end the node, which stays in its pool without files. Raises BatchError."""
    return await _change(acting, pool_id, node_id, lambda node: _vacated(node, "deallocate", option))


async def start(acting: Acting, pool_id: str, node_id: str) -> Changed:
    """Begin to boot a node that is deallocated. Raises BatchError."""

    def plan(node: NodeRow) -> Values:
        _check_deallocated(node)
        return {"state": "starting", "boot_requested": acting.now, **BOOTS}

    return await _change(acting, pool_id, node_id, plan)


async def preempt(acting: Acting, pool_id: str, node_id: str) -> Changed:
    """Begin to take a low-priority node away, for a while. Raises BatchError."""

    def plan(node: NodeRow) -> Values:
        _check_preemptible(node)
        return {"vacating": PREEMPTED.purpose, "vacating_option": PREEMPTED.option}

    return await _change(acting, pool_id, node_id, plan)


async def disable_scheduling(acting: Acting, pool_id: str, node_id: str, option: Option) -> Changed:
    """Let the node take no more tasks. What it does otherwise, such as to leave, goes on. Raises
    BatchError."""

    def plan(node: NodeRow) -> Values:
        _check_scheduling(node, disabled=False)
        is_about_to = node.vacating is not None or node.state == "leavingpool"
        wanted = {} if is_about_to else {"vacating": "disable", "vacating_option": option}
        return {"disabled": True, **wanted}

    return await _change(acting, pool_id, node_id, plan)


async def enable_scheduling(acting: Acting, pool_id: str, node_id: str) -> Changed:
    """Let the node take tasks again. Raises BatchError."""

    def plan(node: NodeRow) -> Values:
        _check_scheduling(node, disabled=True)
        done = {"vacating": None, "vacating_option": None} if node.vacating == "disable" else {}
        return {"disabled": False, **done}

    return await _change(acting, pool_id, node_id, plan)


async def _change(acting: Acting, pool_id: str, node_id: str, plan: Callable[[NodeRow], Values]) -> Changed:
    """Give the node the values that `plan` makes of it, or raise what that raises."""

    def make(connection: sa.Connection) -> Changed:
        node = nodes.find(connection, acting.account, pool_id, node_id, to_change=True)
        if node is None:
            raise _missing(connection, acting.account, pool_id)
        _check_pool(node)
        return nodes.change(connection, node, acting.now, plan(node))

    return await changing.change(acting, make, lambda _: BatchError("NodeNotFound"))


def _missing(connection: sa.Connection, account: str, pool_id: str) -> BatchError:
    has_pool = stored_pools.find(connection, account, pool_id) is not None
    return BatchError("NodeNotFound") if has_pool else pools.REFUSALS.of(None)


def _check_pool(node: NodeRow) -> None:
    if node.pool_state != "active":
        raise BatchError("PoolBeingDeleted")


def _vacated(node: NodeRow, purpose: Purpose, option: Option) -> Values:
    """Raises BatchError for a node that cannot do that in its state."""
    _check_vacatable(node)
    return {"state": PHASES[purpose], "vacating": purpose, "vacating_option": option}


def _check_vacatable(node: NodeRow) -> None:
    refusal = NODE[node.state].refusal
    if refusal:
        step = _NEXT.get(node.state, "Wait for that.")
        rule = f"this is done to nodes that are idle or running, or that could not be made ready. {step}"
        raise _refused(node, refusal, rule)
    if node.vacating == PREEMPTED.purpose:
        rule = "it is being preempted. Wait until it is back, or name another node."
        raise _refused(node, "OperationInvalidForCurrentState", rule)


def _check_deallocated(node: NodeRow) -> None:
    if node.state != "deallocated":
        step = _NEXT_OF_START.get(node.state, "It need not be started; to have it boot again, reboot it.")
        rule = f"only a node that is deallocated can be started. {step}"
        raise _refused(node, NODE[node.state].refusal or "OperationInvalidForCurrentState", rule)


def _check_preemptible(node: NodeRow) -> None:
    if node.dedicated:
        detail = (
            "It is a dedicated node, and only low-priority nodes are preempted. Deallocate or remove it, "
            "or name a node whose isDedicated is false."
        )
        raise BatchError("OperationNotValidOnNode", detail)
    if not NODE[node.state].runs or node.vacating not in (None, "disable"):
        rule = "only a node that is there and is to stay can be preempted. Wait for that."
        raise _refused(node, NODE[node.state].refusal or "OperationInvalidForCurrentState", rule)


def _refused(node: NodeRow, code: str, rule: str) -> BatchError:
    return BatchError(code, f"It is {node.state}, and {rule}", (("NodeState", node.state),))


def _check_scheduling(node: NodeRow, *, disabled: bool) -> None:
    if node.disabled is not disabled:
        is_, other = ("disabled", "Enable") if node.disabled else ("enabled", "Disable")
        detail = f"Its schedulingState is {is_}. {other} it instead, if that is what you want."
        raise BatchError("NodeAlreadyInTargetSchedulingState", detail, (("SchedulingState", is_),))


def _is_cloud_service(node: NodeRow) -> bool:
    machine = msgspec.json.decode(node.pool_definition).get("virtualMachineConfiguration") or {}
    return images.os_family(machine.get("imageReference", {})) is not None


_CHECKS: Final[Mapping[Change, Callable[[NodeRow], None]]] = {
    "reboot": _check_vacatable,
    "reimage": _check_vacatable,
    "deallocate": _check_vacatable,
    "start": _check_deallocated,
    "preempt": _check_preemptible,
    "disable": partial(_check_scheduling, disabled=False),
    "enable": partial(_check_scheduling, disabled=True),
}
"""Each raises BatchError."""
