"""A pool's start task, edited, and tried again on the nodes that it made of no use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from batchite.batch import wanting
from batchite.batch.conditions import Conditions
from batchite.batch.nodes import actions as node_actions
from batchite.batch.nodes import changing
from batchite.batch.pools import actions
from batchite.portal import definitions, filtering, start_tasks, vacating
from batchite.portal.answers import Answer, Done, Page, Refused
from batchite.portal.nodes.telling import FAILED
from batchite.portal.rendering import digest
from batchite.portal.visit import Visit
from batchite.resources.nodes import NodeRow
from batchite.resources.pools import PoolRow, definition
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, BatchPoolUpdateOptions
from batchite.wire.batch.validation.pools import patched

MOST: Final = 500
"""of them, the oldest, are told at once"""
NODE: Final = "node-"
"""begins the names of fields whose values are ids of nodes, percent-encoded"""


@dataclass(frozen=True, slots=True)
class Failing:
    """A node that it may be tried again on; so many tasks run there. `value`: of its field."""

    node: NodeRow
    value: str
    tasks: str


@dataclass(frozen=True, slots=True)
class Looked:
    pool: PoolRow
    task: Mapping[str, object]
    """in the words of the API"""
    tag: str
    """tells the task from others"""
    failing: Sequence[Failing]
    has_more: bool


async def form(visit: Visit) -> Answer:
    """`?node=` is the only one chosen then; otherwise all are."""
    looked = await _look(visit)
    only = unquote(visit.query("node"))
    chosen = {each.value for each in looked.failing if only in ("", each.node.id)}
    return _form(looked, start_tasks.typed(looked.task), looked.tag, chosen)


async def save(visit: Visit) -> Answer:
    looked, tag = await _look(visit), visit.form.get("was", "")
    chosen = [value for field, value in visit.form.items() if field.startswith(NODE)]
    try:
        task = await start_tasks.read(visit, looked.task)
        options = definitions.made(BatchPoolUpdateOptions, {"startTask": task or {"commandLine": ""}})

        def change(pool: BatchPoolCreateOptions) -> BatchPoolCreateOptions:
            if tag != _tag(pool):
                raise BatchError(
                    "ConditionNotMet",
                    "Somebody has changed the start task since this page was loaded. Load it again, and "
                    "repeat what you changed.",
                )
            return patched(pool, options)

        await actions.update(visit.acting, looked.pool.id, change, Conditions())
    except (BatchError, Refused) as error:
        return _form(looked, visit.form, tag, set(chosen), definitions.reason(error), error.status)
    names = [] if "only" in visit.form else [unquote(value) for value in chosen[:MOST]]
    said = await _reboot(visit, looked.pool.id, names)
    return Done(visit.url("pools", looked.pool.id), f"The start task of {looked.pool.id} is saved.{said}")


async def _reboot(visit: Visit, pool_id: str, names: Sequence[str]) -> str:
    """What came of it, in sentences. One that refuses keeps none of the others."""
    refusals: list[str] = []
    for name in names:
        try:
            await changing.reboot(visit.acting, pool_id, name, "requeue")
        except BatchError as refusal:
            refusals.append(f"{name} is not rebooted: {refusal.message}")
    done = len(names) - len(refusals)
    told = f" {done} {'node is' if done == 1 else 'nodes are'} being rebooted to try it." if done else ""
    return told + "".join(f" {refusal}" for refusal in refusals[:1])


async def _look(visit: Visit) -> Looked:
    """Raises PoolNotFound."""
    failed = filtering.parse(f"state:{','.join(FAILED)}", {"state": "state"}, ())
    wanted = wanting.wanted("nodes", failed, limit=MOST)
    part, pool, work = await node_actions.page(visit.acting, visit.params["pool"], wanted, recent=False)
    running = work.running
    failing = [
        Failing(row, quote(row.id), vacating.counted(running.get(row.node_no, (0, 0))[0]))
        for row in part.rows
    ]
    defined = definition(pool)
    return Looked(pool, start_tasks.plain(defined.start_task or None), _tag(defined), failing, part.more)


def _tag(pool: BatchPoolCreateOptions) -> str:
    return digest(codec.encode(pool.start_task).decode()) if pool.start_task else ""


def _form(
    looked: Looked, given: Mapping[str, str], tag: str, chosen: set[str], problem: str = "", status: int = 200
) -> Page:
    values = {
        "pool": looked.pool,
        "given": definitions.typed(given),
        "tag": tag,
        "failing": looked.failing,
        "has_more": looked.has_more,
        "chosen": chosen,
        "problem": problem,
    }
    return Page("pools/retry.html", values, status=status, is_secret=True)
