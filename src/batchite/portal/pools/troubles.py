"""Why a pool does not grow or has nodes of no use, and what its start task printed where it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchite.batch.explaining import actions as explaining
from batchite.portal import reasons
from batchite.portal.files import reading
from batchite.portal.reasons import Reason
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError

COMPLETE = "PoolComplete"
"""the reason that says nothing but that all is well"""
OF_START_TASKS = ("NodeStartTaskFailed", "NodeWaitsForStartTask")


@dataclass(frozen=True, slots=True)
class StartTask:
    """How it goes on one node: the last lines that it printed, by the name of the file."""

    node: str
    to: str
    sentence: str
    is_over: bool
    outputs: Mapping[str, str]


async def of(visit: Visit, pool_id: str) -> Sequence[Reason]:
    """What keeps the pool first; empty if all is well. Raises PoolNotFound."""
    found = await explaining.pool(visit.acting, pool_id)
    every = reasons.of(found, lambda node: visit.url("pools", pool_id, "nodes", node))
    return [reason for reason in every if reason.code != COMPLETE]


async def of_start_task(visit: Visit, pool_id: str, troubles: Sequence[Reason]) -> StartTask | None:
    """On one of the nodes where it failed, or else where it still runs; None if there is none."""
    ofs = [reason for reason in troubles if reason.code in OF_START_TASKS]
    if not ofs:
        return None
    chosen = min(ofs, key=lambda reason: OF_START_TASKS.index(reason.code))
    try:
        found = await explaining.node(visit.acting, pool_id, chosen.node)
    except BatchError:  # the node has gone meanwhile
        return None
    is_over = chosen.code == OF_START_TASKS[0]
    outputs = {name: reading.plain(text) for name, text in found.outputs.items()}
    return StartTask(chosen.node, chosen.to, found.sentence, is_over, outputs)
