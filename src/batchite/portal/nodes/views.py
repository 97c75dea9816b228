"""One compute node: what it does, why it takes no tasks, how it booted, and what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from batchite.batch.explaining import actions as explaining
from batchite.batch.nodes import actions
from batchite.batch.pools import actions as pools
from batchite.portal import headers, reasons, rendering, vacating
from batchite.portal.answers import Answer, Page, Raw, watch
from batchite.portal.files import owners, printed
from batchite.portal.files.printed import Printed
from batchite.portal.files.reading import plain
from batchite.portal.nodes import telling, work
from batchite.portal.routes import show
from batchite.portal.storage import sizes
from batchite.portal.visit import Visit
from batchite.resources.boots import Stage, StageName
from batchite.resources.nodes import NodeRow, shown
from batchite.resources.vacating import of_stored
from batchite.wire.batch import codec, directories, vm_sizes
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

AGAIN_SECONDS = 5.0
"""After which the node is looked at again: that it takes no more tasks, and which files it waits for, is no
change of its state."""
_SPOKEN: Final[Mapping[StageName, str]] = {
    "requested": "asked for",
    "allocated": "allocated",
    "agentUp": "agent up",
    "startTaskStarted": "start task began",
    "startTaskEnded": "start task ended",
    "idle": "ready",
}
"""Stages of a boot, for people."""


@dataclass(frozen=True, slots=True)
class Said:
    """The end of what a node's agent has said of itself."""

    text: str

    @property
    def tag(self) -> str:
        """Tells it from what it said before."""
        return f'"{rendering.digest(self.text)}"'


async def show_one(visit: Visit) -> Answer:
    pool_id, node_id = visit.params["pool"], visit.params["node"]
    row, done = await actions.get(visit.acting, pool_id, node_id, recent=True)
    pool = codec.decode(row.pool_definition, BatchPoolCreateOptions)
    found = await explaining.node(visit.acting, pool_id, node_id, with_outputs=False)
    is_first = not visit.is_following
    node = shown(row, pool, done, visit.url)
    wanted = of_stored(row.state, row.vacating, row.vacating_option)
    values = {
        "node": node,
        "pool_id": row.pool_id,
        "slots": pool.task_slots_per_node or 1,
        "size": vm_sizes.find(pool.vm_size),
        "orders": await _orders(visit, row),
        "can_retry": visit.can_change and row.pool_state == "active" and row.state in telling.FAILED,
        "wanted": wanted,
        "vacating": vacating,
        "reasons": reasons.of(found),
        "boot": _spoken(found.boot),
        "recent": work.recent(done.recent.get(row.node_no, ())),
        "printed": await _printed(visit, row) if is_first and node.start_task else None,
        "tier": row.tier,
        "image": row.image,
        "use": await _use(visit, row) if is_first else None,
        "said": await _said(visit, row) if is_first else None,
    }
    watches = watch("node", "task", pool=row.pool_id)
    return Page("nodes/node.html", values, watches, again=AGAIN_SECONDS)


async def _orders(visit: Visit, node: NodeRow) -> Sequence[telling.Order]:
    """What can be told it by whoever looks."""
    if not visit.can_change:
        return ()
    return telling.permitted(await pools.find(visit.acting, node.pool_id), node)


async def _use(visit: Visit, node: NodeRow) -> Sequence[tuple[str, str | None]]:
    """What it uses now, with names; None: it cannot be told. It is asked when somebody comes to look, and not
    whenever something changes."""
    used = await actions.use(visit.acting, node)
    if used is None:
        return ()
    seconds = used.processor_seconds
    return (
        ("Processes", None if used.processes is None else str(used.processes)),
        ("Memory", None if used.memory is None else sizes.words(used.memory)),
        ("Disk", None if used.disk is None else sizes.words(used.disk)),
        ("Processor", None if seconds is None else f"{seconds:.1f} s since it booted"),
    )


def _spoken(boot: Sequence[Stage]) -> list[tuple[str, Stage]]:
    return [(_SPOKEN[stage.stage], stage) for stage in boot]


async def _printed(visit: Visit, node: NodeRow) -> Printed:
    """By its start task."""
    owner, has_begun = owners.of_node(visit, node), node.start_task_info is not None
    return await printed.look(visit, owner, directories.STARTUP, has_begun=has_begun)


async def said(visit: Visit) -> Answer:
    """The same as text, for the page's script; nothing if it is what the script has."""
    row = await actions.find(visit.acting, visit.params["pool"], visit.params["node"])
    found = await _said(visit, row)
    if found is None:
        return Raw(Response(None, 204, headers.OF_ALL))
    told = {**headers.OF_UPLOADS, "etag": found.tag}
    if visit.request.headers.get("if-none-match") == found.tag:
        return Raw(Response(None, 304, told))
    return Raw(Response(found.text.encode("utf-8", "replace"), 200, told))


async def _said(visit: Visit, node: NodeRow) -> Said | None:
    """None if it cannot be had here."""
    text = await actions.agent_log(visit.acting, node)
    return None if text is None else Said(plain(text))


_NODE = "/batch/{account}/pools/{pool}/nodes/{node}"

ROUTES = (show(_NODE, show_one), show(f"{_NODE}/said", said), *telling.ROUTES)
