"""What ran on the nodes of a pool: for each node by the index in the order in which tasks ended there, so
what is read goes by what is shown, not by what there is.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from batchite.resources.runs import NodeRun, NodeRuns
from batchite.resources.states import counted
from batchite.store.batch.schema import OPEN_JOB, jobs, node_spans, nodes, tasks
from batchite.store.batch.tasks import VISIBLE

_RUNS = sa.select(
    tasks.c.node_no,
    tasks.c.node_id,
    jobs.c.id,
    tasks.c.id,
    tasks.c.state,
    tasks.c.result,
    tasks.c.required_slots,
    tasks.c.started,
    tasks.c.ended,
).join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
_OVER = (
    _RUNS.where(
        tasks.c.node_no == sa.bindparam("node"),
        tasks.c.started.is_not(None),
        tasks.c.state_time >= sa.bindparam("since"),
        tasks.c.state == "completed",
        VISIBLE,
    )
    .order_by(tasks.c.state_time.desc())
    .limit(sa.bindparam("most"))
)
_RUNNING = _RUNS.where(
    jobs.c.shard == sa.bindparam("shard"),
    OPEN_JOB,
    tasks.c.state == "running",
    tasks.c.started.is_not(None),
    tasks.c.node_id.is_not(None),
)
_NODES = (
    sa.select(nodes.c.node_no)
    .where(nodes.c.pool_no == sa.bindparam("pool"))
    .union(
        sa.select(node_spans.c.node_no).where(
            node_spans.c.pool_no == sa.bindparam("pool"), node_spans.c.ended >= sa.bindparam("since")
        )
    )
)


def on_nodes(
    connection: sa.Connection, shard: str, pool_no: int, since: int, *, most_nodes: int, most_runs: int
) -> NodeRuns:
    """What has ended since then on the pool's nodes, also on those that are gone, and what runs. Of more
    nodes than `most_nodes` the newest are looked at; a node of which more is known than its part of
    `most_runs` moves `since` to where all of it is there.
    """
    given = {"pool": pool_no, "since": since}
    known = sorted((row[0] for row in connection.execute(_NODES, given)), reverse=True)[:most_nodes]
    each = max(most_runs // max(len(known), 1), 1)
    found: list[NodeRun] = []
    from_then_on = since
    for node in known:
        rows = connection.execute(_OVER, {"node": node, "since": since, "most": each}).all()
        found += map(_run, rows)
        if len(rows) == each:
            from_then_on = max(from_then_on, rows[-1].ended)
    shown = set(known)
    running = map(_run, connection.execute(_RUNNING, {"shard": shard}))
    found = [run for run in found if run.ended is None or run.ended >= from_then_on]
    found += [run for run in running if run.node_no in shown]
    found.sort(key=lambda run: (run.node_no, run.began, run.task_id))
    return NodeRuns(found, from_then_on)


def _run(row: sa.Row[*tuple[Any, ...]]) -> NodeRun:
    node_no, node_id, job_id, task_id, state, result, slots, began, ended = row
    return NodeRun(node_no, node_id, job_id, task_id, counted(state, result), slots, began, ended)
