"""Tasks over the nodes of a pool: nodes down, time across, a bar for each run, by its result.

A script draws what is told here as JSON. What runs beside each other on a node has lanes of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
from starlette.responses import Response

from batchite.batch.nodes import actions
from batchite.batch.pools import actions as pools
from batchite.portal import headers
from batchite.portal.answers import Answer, Page, Raw, watch
from batchite.portal.routes import show
from batchite.portal.visit import Visit
from batchite.resources.nodes import BriefNode
from batchite.resources.runs import NodeRun, NodeRuns
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp

SPANS: Final = {"10 minutes": 600, "hour": 3600, "6 hours": 6 * 3600, "day": 86_400}
"""Seconds that are seen, by name; the second unless the URL says otherwise."""
USUAL: Final = "hour"
MOST_NODES = 200
MOST_RUNS = 10_000
_TICKS_PER_MILLISECOND: Final = TICKS_PER_SECOND // 1000


class Bar(msgspec.Struct, frozen=True, array_like=True):
    """A run on a lane of its node; milliseconds since 1970, `end` None while it goes on. `job` is its place
    among the jobs; `is_other`: of a job that is not looked at."""

    lane: int
    begin: int
    end: int | None
    state: str
    job: int
    task: str
    is_other: bool = False


class NodeLane(msgspec.Struct, frozen=True):
    """A node with what ran there. `is_gone`: it has left the pool."""

    id: str
    lanes: int
    bars: list[Bar]
    is_gone: bool = False


class Drawing(msgspec.Struct, frozen=True):
    """`since`: from when on all that ran is there, where that is later than the beginning."""

    begin: int
    end: int
    since: int
    jobs: list[str]
    nodes: list[NodeLane]


@dataclass(frozen=True, slots=True)
class NodeSum:
    """What the table says of a node. `busy`: percent of the time that is seen in which something ran."""

    id: str
    runs: int
    failed: int
    busy: int
    is_gone: bool


def of(found: NodeRuns, present: Sequence[BriefNode], begin: int, end: int, only_job: str = "") -> Drawing:
    """From tick to tick; `present` are the pool's nodes now. Nodes that are gone come first, being older."""
    jobs = {job_id: place for place, job_id in enumerate(sorted({run.job_id for run in found.runs}))}
    lanes = [
        _lane(node.id, runs, jobs, only_job, is_gone=is_gone)
        for node, runs, is_gone in _nodes(found, present)
    ]
    return Drawing(_milliseconds(begin), _milliseconds(end), _milliseconds(found.since), list(jobs), lanes)


def sums(found: NodeRuns, present: Sequence[BriefNode], begin: int, end: int) -> Sequence[NodeSum]:
    """The same in numbers, as far as all that ran is there."""
    begin = max(begin, found.since)
    return [
        _sum(node.id, runs, begin, end, is_gone=is_gone) for node, runs, is_gone in _nodes(found, present)
    ]


def _nodes(
    found: NodeRuns, present: Sequence[BriefNode]
) -> Iterator[tuple[BriefNode, Sequence[NodeRun], bool]]:
    """Each node with its runs, and whether it is gone; the oldest first."""
    runs = {number: list(of_node) for number, of_node in groupby(found.runs, key=lambda run: run.node_no)}
    there = {node.node_no: node for node in present}
    gone = {number: BriefNode(number, of_node[0].node_id, "") for number, of_node in runs.items()}
    for number, node in sorted((gone | there).items()):
        yield node, runs.get(number, []), number not in there


def _lane(
    node_id: str, runs: Sequence[NodeRun], jobs: Mapping[str, int], only_job: str, *, is_gone: bool
) -> NodeLane:
    """Each run on the first lane that is free when it begins."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    bars, lanes = [], 0
    for run in runs:
        while busy and busy[0][0] <= run.began:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            heapq.heappush(free, lanes)
            lanes += 1
        lane = heapq.heappop(free)
        heapq.heappush(busy, (float("inf") if run.ended is None else run.ended, lane))
        ended = None if run.ended is None else _milliseconds(run.ended)
        is_other = bool(only_job) and run.job_id != only_job
        began = _milliseconds(run.began)
        bars.append(Bar(lane, began, ended, run.state, jobs[run.job_id], run.task_id, is_other))
    return NodeLane(node_id, max(lanes, 1), bars, is_gone)


def _sum(node_id: str, runs: Sequence[NodeRun], begin: int, end: int, *, is_gone: bool) -> NodeSum:
    covered, until = 0, begin
    for run in runs:
        first, last = max(run.began, until), min(end if run.ended is None else run.ended, end)
        covered += max(last - first, 0)
        until = max(until, last)
    failed = sum(run.state == "failed" for run in runs)
    return NodeSum(node_id, len(runs), failed, round(100 * covered / max(end - begin, 1)), is_gone)


def _milliseconds(ticks: int) -> int:
    return ticks // _TICKS_PER_MILLISECOND


class _Seen(NamedTuple):
    """What the URL asks for: what ran in the pool from tick to tick, on nodes that are there and others."""

    pool_id: str
    span: str
    runs: NodeRuns
    present: Sequence[BriefNode]
    begin: int
    end: int


async def _seen(visit: Visit) -> _Seen:
    row = await pools.find(visit.acting, visit.params["pool"])
    span = visit.query("span") if visit.query("span") in SPANS else USUAL
    end = visit.now.ticks
    begin = end - Duration.of(seconds=SPANS[span]).ticks
    found = await actions.runs(visit.acting, row, begin, most_nodes=MOST_NODES, most_runs=MOST_RUNS)
    present = await actions.newest(visit.acting, row, MOST_NODES)
    return _Seen(row.id, span, found, present, begin, end)


async def show_one(visit: Visit) -> Answer:
    pool_id, span, found, present, begin, end = await _seen(visit)
    counted = sums(found, present, begin, end)
    only = {"job": job} if (job := visit.query("job")) else {}
    values: dict[str, Any] = {
        "pool_id": pool_id,
        "job_id": job,
        "spans": list(SPANS),
        "span": span,
        "only": only,
        "data": visit.url("pools", pool_id, "timeline", "data", span=span, **only),
        "sums": counted,
        "runs": sum(each.runs for each in counted),
        "failed": sum(each.failed for each in counted),
        "since": Timestamp(found.since) if found.since > begin else None,
        "most_nodes": MOST_NODES,
    }
    return Page("pools/timeline.html", values, watches=watch("node", "task", pool=pool_id))


async def data(visit: Visit) -> Answer:
    """What the script draws."""
    _, _, found, present, begin, end = await _seen(visit)
    drawn = of(found, present, begin, end, visit.query("job"))
    told = {**headers.OF_ALL, "cache-control": "no-store", "content-type": "application/json"}
    return Raw(Response(msgspec.json.encode(drawn), 200, told))


ROUTES = (
    show("/batch/{account}/pools/{pool}/timeline", show_one),
    show("/batch/{account}/pools/{pool}/timeline/data", data),
)
