"""Why what waits does not start, and why a pool does not grow: by the predicates that placement goes by, and
by the rule that grants nodes.

What is found is about the state it is given, and about nothing else. What keeps something from happening
comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from batchite.scheduling import reasons
from batchite.scheduling.predicates import why_none, why_none_of, why_none_on, why_not
from batchite.scheduling.reasons import Reason
from batchite.scheduling.room import Limits, Usage, grant
from batchite.scheduling.state import JobState, NodeState, PoolState, ShardState
from batchite.wire.ticks import Timestamp

TROUBLES: Final = (
    reasons.NodeStartFails,
    reasons.NodeStartTaskFailed,
    reasons.NodeGivenUp,
    reasons.NodeOutOfContact,
)
"""Of a node that does not come to take tasks by itself, or has ceased to."""
_TELLING: Final = (reasons.NodeCreating, reasons.NodeStartTaskFailed)
"""Of a node of which the store may know more."""


class Finding(NamedTuple):
    """A reason, and whether it keeps the thing asked about from happening, or is only good to know."""

    reason: Reason
    blocking: bool
    nodes: int = 0
    """how many nodes of the pool it is about; 0: it is about the thing itself"""
    node: str | None = None
    """one of them"""


class ResizeError(NamedTuple):
    """How the pool's last resize ended."""

    at: int
    code: str


@dataclass(frozen=True, slots=True)
class Scene:
    """All that explaining goes by."""

    state: ShardState
    usage: Usage
    limits: Limits
    told: Mapping[str, Reason]
    """by node id: the reason with the facts that only the store has"""
    resize: ResizeError
    replacement: int | None
    """when lost nodes are replaced"""


def of_waiting(scene: Scene, job: JobState, wanted: int) -> list[Finding]:
    """Why a waiting task of the job, of so many slots, is on no node; empty if nothing keeps it."""
    missing = why_none(scene.state)
    if missing is not None:
        return [Finding(missing, True)]
    own = why_none_of(job)
    found = [] if own is None else [Finding(own, True)]
    return found + _on_nodes(scene, wanted)


def jobs_ahead(state: ShardState, job: JobState) -> list[Finding]:
    """Jobs that are served before this one as long as they have tasks."""
    ahead = [
        waits
        for other in state.jobs.values()
        if _goes_first(state, other, job) and why_none_of(other) is None and (waits := waiting(other)) > 0
    ]
    return [Finding(reasons.JobsAhead(len(ahead), sum(ahead)), False)] if ahead else []


def _goes_first(state: ShardState, other: JobState, job: JobState) -> bool:
    """By priority, or by age where the pool says so; otherwise jobs take turns."""
    if other.rules.priority != job.rules.priority:
        return other.rules.priority > job.rules.priority
    return state.pool is not None and state.pool.rules.oldest_job_first and other.number < job.number


def waiting(job: JobState) -> int:
    """Tasks of the job that are neither over nor on a node."""
    return job.unfinished - len(job.assignments)


def of_node(scene: Scene, node: NodeState) -> Reason:
    """Why the node takes no task, or that it would."""
    reason = _of_node(scene, node)
    if reason is not None:
        return reason
    if node.free <= 0:
        return reasons.NodeFull(node.slots, len(node.assignments))
    return reasons.NodeReady(node.free)


def of_pool(scene: Scene) -> list[Finding]:
    """Why the pool has not as many nodes that take tasks as it is to have."""
    pool = scene.state.pool
    if pool is None:
        return [Finding(reasons.PoolMissing(), True)]
    nodes = ((node, _of_node(scene, node)) for node in scene.state.nodes.values())
    groups = _grouped((node, reason) for node, reason in nodes if reason is not None)
    found = [*_growth(scene, pool), *groups]
    return sorted(found, key=lambda finding: not finding.blocking)


def _of_node(scene: Scene, node: NodeState) -> Reason | None:
    reason = why_none_on(node)
    return scene.told.get(node.id, reason) if isinstance(reason, _TELLING) else reason


def _on_nodes(scene: Scene, wanted: int) -> list[Finding]:
    """Why no node of the pool takes a task of so many slots; empty if one would."""
    pool = scene.state.pool
    if pool is None:
        return []
    slots = pool.rules.slots_per_node
    if (never := why_not(wanted, slots, slots)) is not None:
        return [Finding(never, True)]
    resting: list[tuple[NodeState, Reason]] = []
    busy: list[NodeState] = []
    for node in scene.state.nodes.values():
        reason = _of_node(scene, node)
        if reason is not None:
            resting.append((node, reason))
        elif why_not(wanted, node.slots, node.free) is None:
            return []
        else:
            busy.append(node)
    groups = [finding._replace(blocking=not busy) for finding in _grouped(resting)]
    if busy:
        free = max(max(node.free for node in busy), 0)
        return [Finding(reasons.SlotsTaken(wanted, free), True, len(busy), busy[0].id), *groups]
    growth = [finding for finding in _growth(scene, pool) if type(finding.reason) is not reasons.PoolComplete]
    if not resting:
        return [finding._replace(blocking=True) for finding in growth]
    return [*groups, *growth]


def _grouped(found: Iterable[tuple[NodeState, Reason]]) -> list[Finding]:
    """Nodes with the same reason are told together, most of them first."""
    groups: dict[Reason, list[NodeState]] = {}
    for node, reason in found:
        groups.setdefault(reason, []).append(node)
    findings = [
        Finding(reason, isinstance(reason, TROUBLES), len(nodes), nodes[0].id)
        for reason, nodes in groups.items()
    ]
    return sorted(findings, key=lambda finding: -finding.nodes)


def _growth(scene: Scene, pool: PoolState) -> list[Finding]:
    """Why the pool gets no more nodes."""
    nodes = scene.state.nodes.values()
    if pool.state == "deleting":
        return [Finding(reasons.PoolDeleting(len(nodes)), True)]
    target = pool.target_dedicated + pool.target_low_priority
    staying = sum(node.phase != "leavingpool" for node in nodes)
    found = []
    if pool.allocation_state != "steady":
        until = Timestamp(pool.resize_ends_at)
        found.append(Finding(reasons.PoolResizing(staying, target, until), False))
    elif staying < target and scene.replacement is None:
        ended = reasons.ResizeEnded(staying, target, Timestamp(scene.resize.at), scene.resize.code)
        found.append(Finding(ended, True))
    elif staying >= target:
        complete = reasons.PoolComplete(staying) if staying else reasons.PoolEmpty()
        found.append(Finding(complete, not staying))
    if staying < target:
        found += _refused(scene, pool, target - staying)
        if scene.replacement is not None:
            found.append(Finding(reasons.ReplacementPause(Timestamp(scene.replacement)), True))
    return found


def _refused(scene: Scene, pool: PoolState, missing: int) -> list[Finding]:
    """By the rule that grants nodes, as things are now."""
    _, refusal = grant(missing, pool.node_cores, scene.usage, scene.limits)
    if refusal is None:
        return []
    if refusal.rule == "core quota":
        used = scene.usage.cores
        reason: Reason = reasons.CoreQuotaReached(refusal.nodes, pool.node_cores, used, refusal.limit)
    else:
        reason = reasons.MaxNodesReached(refusal.nodes, scene.usage.nodes, refusal.limit)
    return [Finding(reason, True)]
