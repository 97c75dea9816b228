"""Why what waits does not start, and why a pool does not grow: by the predicates that placement goes by, and
by the rule that grants nodes.

What is found is about the state it is given, and about nothing else. What keeps something from happening
comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import structs

from batchite.resources.rules import ManagerRules
from batchite.scheduling import brake, reasons, sharing
from batchite.scheduling.predicates import (
    of_kept,
    why_kept,
    why_none,
    why_none_of,
    why_none_on,
    why_not,
    why_not_dedicated,
    why_not_there,
)
from batchite.scheduling.reasons import Reason
from batchite.scheduling.room import Limits, Usage, grant
from batchite.scheduling.state import JobState, NodeState, PoolState, Scaling, ShardState
from batchite.wire.ticks import Timestamp

TROUBLES: Final = (
    reasons.NodeStartFails,
    reasons.NodeStartTaskFailed,
    reasons.NodeUnusable,
    reasons.NodeGivenUp,
    reasons.NodeOutOfContact,
    reasons.NodePreparationFailed,
)
"""Of a node that does not come to take tasks by itself, or has ceased to."""
_TELLING: Final = (
    reasons.NodeCreating,
    reasons.NodeStarting,
    reasons.NodeRebooting,
    reasons.NodeReimaging,
    reasons.NodeStartTaskFailed,
    reasons.NodeUnusable,
)
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
    formula_error: str = ""
    """of the last turn of the pool's autoscale formula"""


def of_waiting(
    scene: Scene, job: JobState, wanted: int, manager: ManagerRules | None = None
) -> list[Finding]:
    """Why a waiting task of the job, of so many slots, is on no node; empty if nothing keeps it. `manager`:
    the rules of one that manages the job."""
    missing = why_none(scene.state)
    if missing is not None:
        return [Finding(reasons.AutoPoolMissing() if job.rules.has_auto_pool else missing, True)]
    own = why_none_of(job)
    found = [] if own is None else [Finding(own, True)]
    whole = None
    if manager is not None and manager.runs_alone and scene.state.pool is not None:
        whole = scene.state.pool.rules.slots_per_node
    needs_dedicated = manager is not None and not manager.takes_low_priority
    found += _on_nodes(scene, job, wanted if whole is None else whole, needs_dedicated)
    if found and whole is not None and whole > wanted:
        found.append(Finding(reasons.ManagerRunsAlone(whole), False))
    return found


def jobs_ahead(state: ShardState, job: JobState) -> list[Finding]:
    """Jobs that are served before this one as long as they have tasks."""
    ahead = [
        waits
        for other in state.jobs.values()
        if _goes_first(state, other, job) and why_none_of(other) is None and (waits := waiting(other)) > 0
    ]
    found = [Finding(reasons.JobsAhead(len(ahead), sum(ahead)), False)] if ahead else []
    return [*found, *_shares_ahead(state, job)] if state.share_by else found


def _shares_ahead(state: ShardState, job: JobState) -> list[Finding]:
    """Tags of the job's priority that are served before its own as long as they have fewer slots in use."""
    equals = [other for other in state.jobs.values() if other.rules.priority == job.rules.priority]
    used = sharing.used(equals)
    own = used[sharing.tag_of(job)]
    ahead = [
        (sharing.tag_of(other), waits)
        for other in equals
        if used[sharing.tag_of(other)] < own and why_none_of(other) is None and (waits := waiting(other)) > 0
    ]
    tags, tasks = len({tag for tag, _ in ahead}), sum(waits for _, waits in ahead)
    return [Finding(reasons.SharesAhead(state.share_by, own, tags, tasks), False)] if ahead else []


def _goes_first(state: ShardState, other: JobState, job: JobState) -> bool:
    """By priority, or by age where the pool says so, of those that share slots by tag within one; otherwise
    jobs take turns."""
    if other.rules.priority != job.rules.priority:
        return other.rules.priority > job.rules.priority
    if state.share_by and sharing.tag_of(other) != sharing.tag_of(job):
        return False
    return state.pool is not None and state.pool.rules.oldest_job_first and other.number < job.number


def waiting(job: JobState) -> int:
    """Tasks of the job that could be on a node, and are not."""
    return job.unfinished - job.blocked - len(job.assignments)


def of_node(scene: Scene, node: NodeState) -> Reason:
    """Why the node takes no task, or that it would."""
    reason = _of_node(scene, node)
    if isinstance(reason, reasons.NodeVacating):
        return structs.replace(reason, tasks=len(node.assignments))
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


def _on_nodes(scene: Scene, job: JobState, wanted: int, needs_dedicated: bool) -> list[Finding]:
    """Why no node of the pool takes a task of the job of so many slots; empty if one would."""
    pool = scene.state.pool
    if pool is None:
        return []
    slots = pool.rules.slots_per_node
    if (never := why_not(wanted, slots, slots)) is not None:
        return [Finding(never, True)]
    resting: list[tuple[NodeState, Reason]] = []
    busy: list[NodeState] = []
    keeping: list[tuple[NodeState, Reason]] = []
    for node in scene.state.nodes.values():
        reason = _of_node(scene, node) or why_not_there(job, node) or why_not_dedicated(needs_dedicated, node)
        if reason is not None:
            resting.append((node, reason))
        elif why_not(wanted, node.slots, node.free) is not None:
            busy.append(node)
        elif (kept := why_kept(scene.state, job, node, wanted)) is not None:
            keeping.append((node, kept))
        else:
            return []
    kept_by = [finding._replace(blocking=True) for finding in _grouped(keeping)]
    groups = [finding._replace(blocking=not busy and not keeping) for finding in _grouped(resting)]
    if busy:
        free = max(max(node.free for node in busy), 0)
        taken = Finding(reasons.SlotsTaken(wanted, free), True, len(busy), busy[0].id)
        return [taken, *kept_by, *_kept_for(scene, job, wanted), *groups]
    if keeping:
        return [*kept_by, *groups]
    growth = [finding for finding in _growth(scene, pool) if type(finding.reason) is not reasons.PoolComplete]
    if not resting:
        return [finding._replace(blocking=True) for finding in growth]
    return [*groups, *growth]


def _kept_for(scene: Scene, job: JobState, wanted: int) -> list[Finding]:
    """That a node keeps slots for the first of the job's tasks that take so many."""
    kept = scene.state.kept.get(job.number)
    if kept is None or kept.lane.slots != wanted:
        return []
    return [Finding(of_kept(job, kept), False, 1, kept.node)]


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
    found = [*_resize(scene, pool, staying, target)]
    if pool.scaling is not None and pool.allocation_state == "steady":
        found.append(_next_turn(scene, pool.scaling, staying, target))
    if staying < target:
        found += _refused(scene, pool, target - staying)
        if scene.replacement is not None:
            found.append(Finding(reasons.RoomPause(Timestamp(scene.replacement)), True))
    if (retried := brake.next_retry(scene.state)) is not None:
        failing = sum(node.phase == "unusable" for node in nodes)
        found.append(Finding(reasons.BootsPause(failing, Timestamp(retried)), True))
    return found


def _resize(scene: Scene, pool: PoolState, staying: int, target: int) -> Iterable[Finding]:
    """How the resize to so many nodes goes, or went."""
    if pool.allocation_state != "steady":
        until = Timestamp(pool.resize_ends_at)
        leaving = len(scene.state.nodes) - staying or None
        yield Finding(reasons.PoolResizing(staying, target, until, leaving), False)
    elif staying > target or (staying < target and scene.replacement is None):
        ended = reasons.ResizeEnded(staying, target, Timestamp(scene.resize.at), scene.resize.code)
        yield Finding(ended, staying < target)
    elif staying == target and pool.scaling is None:
        complete = reasons.PoolComplete(staying) if staying else reasons.PoolEmpty()
        yield Finding(complete, not staying)


def _next_turn(scene: Scene, scaling: Scaling, staying: int, target: int) -> Finding:
    """By the formula the pool may come to more nodes, which it has to where it has none."""
    until = Timestamp(scaling.evaluate_at)
    if scene.formula_error:
        return Finding(reasons.FormulaFailed(scene.formula_error, until), True)
    return Finding(reasons.PoolScaled(until), staying == target == 0)


def _refused(scene: Scene, pool: PoolState, missing: int) -> list[Finding]:
    """By the rule that grants nodes, as things are now."""
    _, refusal = grant(missing, pool.node_cores, scene.usage, scene.limits)
    if refusal is None:
        return []
    if refusal.rule == "core quota":
        used = scene.usage.cores
        reason: Reason = reasons.CoreQuotaReached(refusal.nodes, pool.node_cores, used, refusal.limit)
    elif refusal.rule == "ports":
        reason = reasons.PortsTaken(refusal.nodes)
    else:
        reason = reasons.MaxNodesReached(refusal.nodes, scene.usage.nodes, refusal.limit)
    return [Finding(reason, True)]
