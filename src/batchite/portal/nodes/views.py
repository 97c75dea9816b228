"""One compute node: what it does, why it takes no tasks, how it booted, and what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from batchite.batch.explaining import actions as explaining
from batchite.batch.nodes import actions
from batchite.portal import reasons
from batchite.portal.answers import Answer, Page, watch
from batchite.portal.files import owners, printed
from batchite.portal.files.printed import Printed
from batchite.portal.files.reading import plain
from batchite.portal.nodes import work
from batchite.portal.routes import show
from batchite.portal.visit import Visit
from batchite.resources.boots import Stage, StageName
from batchite.resources.nodes import NodeRow, shown
from batchite.wire.batch import codec, directories, vm_sizes
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

_SPOKEN: Final[Mapping[StageName, str]] = {
    "requested": "asked for",
    "allocated": "allocated",
    "agentUp": "agent up",
    "startTaskStarted": "start task began",
    "startTaskEnded": "start task ended",
    "idle": "ready",
}
"""Stages of a boot, for people."""


async def show_one(visit: Visit) -> Answer:
    pool_id, node_id = visit.params["pool"], visit.params["node"]
    row, done = await actions.get(visit.acting, pool_id, node_id, recent=True)
    pool = codec.decode(row.pool_definition, BatchPoolCreateOptions)
    found = await explaining.node(visit.acting, pool_id, node_id, with_outputs=False)
    is_first = not visit.is_following
    values = {
        "node": shown(row, pool, done, visit.url),
        "pool_id": row.pool_id,
        "slots": pool.task_slots_per_node or 1,
        "size": vm_sizes.find(pool.vm_size),
        "reasons": reasons.of(found),
        "boot": _spoken(found.boot),
        "recent": work.recent(done.recent.get(row.node_no, ())),
        "printed": await _printed(visit, row) if is_first and pool.start_task else None,
        "said": await _said(visit, row) if is_first else None,
    }
    return Page("nodes/node.html", values, watch("node", "task", pool=row.pool_id))


def _spoken(boot: Sequence[Stage]) -> list[tuple[str, Stage]]:
    return [(_SPOKEN[stage.stage], stage) for stage in boot]


async def _printed(visit: Visit, node: NodeRow) -> Printed:
    """By its start task."""
    owner, has_begun = owners.of_node(visit, node), node.start_task_info is not None
    return await printed.look(visit, owner, directories.STARTUP, has_begun=has_begun)


async def _said(visit: Visit, node: NodeRow) -> str | None:
    """The end of its agent's log."""
    said = await actions.agent_log(visit.acting, node)
    return None if said is None else plain(said)


ROUTES = (show("/batch/{account}/pools/{pool}/nodes/{node}", show_one),)
