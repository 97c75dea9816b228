"""How far nodes are prepared for a job that has a preparation task, and released from it.

A job without one has no such nodes, and costs nothing of this. A node of which something is wanted is
`moving`: what that is stands in its row, in the commit by which it is decided, so whoever owns the shard next
goes on with it. Its agent is told by `preparation.proceed` and `release.proceed` once it can be.
"""

from __future__ import annotations

from collections.abc import Set

from batchite.link.messages import RunKey
from batchite.resources.states import NODE, TAKING
from batchite.resources.vacating import Purpose
from batchite.scheduling.changes.job_nodes import NodeUsed, PreparationWanted, ReleaseDropped, ReleaseWanted
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun
from batchite.scheduling.ending import FORGOTTEN
from batchite.scheduling.state import Assignment, JobNode, JobState, NodeState, ShardState

_LOSING: tuple[Purpose, ...] = ("remove", "reimage", "deallocate", "preempt")
"""What a node may be about to do after which nothing is to be released there."""


def comes_first(state: ShardState, job: JobState, node: NodeState, decisions: Decisions) -> bool:
    """A task of the job is being given to the node: whether it waits there for the job's preparation, which
    is wanted from now on if it has to run."""
    rules = job.rules.preparation
    if rules is None:
        return False
    one = job.nodes.setdefault(node.id, JobNode())
    if one.standing == "unprepared":
        one.standing, one.retries, one.exit_code = "wanted", 0, None
        one.attempt += 1
        _move(job, node.id, one)
        pool = "" if state.pool is None else state.pool.id
        wanted = PreparationWanted(job.number, node.number, node.id, pool, one.attempt, rules.reruns)
        decisions.changes.preparation_wanted.append(wanted)
    return one.standing == "wanted" and rules.wait_for_success


def is_to_prepare(job: JobState, node: NodeState) -> bool:
    """Whether the node is no good for a task of the job that could not wait there."""
    rules, one = job.rules.preparation, job.nodes.get(node.id)
    return rules is not None and rules.wait_for_success and (one is None or one.standing != "ready")


def is_held(assignment: Assignment) -> bool:
    """Whether the task waits, on its node, for the job's preparation there: its agent does not know it."""
    if not assignment.is_preparing or assignment.started is not None:
        return False
    one = assignment.job.nodes.get(assignment.node.id)
    return one is not None and one.standing == "wanted"


def on_task_began(assignment: Assignment, decisions: Decisions) -> None:
    """A task has begun to run: if its job has a release task, that is to run on the node at its end."""
    job, node = assignment.job, assignment.node
    one = job.nodes.get(node.id)
    if one is not None and not one.has_run:
        one.has_run = True
        decisions.changes.node_used.append(NodeUsed(job.number, node.number))


def is_clear(state: ShardState, job: JobState, at: int, decisions: Decisions) -> bool:
    """Whether nothing of preparation and release is on nodes any more of a job that ends, or goes to another
    pool, and has no tasks there. What is to be released from it is wanted from now on."""
    if job.rules.release is not None:
        for node_id, one in job.nodes.items():
            if one.release is None and one.standing != "wanted" and one.has_completed and one.has_run:
                _want_release(state, job, node_id, one, at, decisions)
    job.is_clearing = bool(job.moving)
    return not job.moving


def abandon(job: JobState, decisions: Decisions) -> None:
    """The job ends and waits for no node: preparations are to end, and nothing is released."""
    for node_id in job.moving:
        one = job.nodes[node_id]
        if one.standing == "wanted":
            of_run = node_id, job.number, one.attempt
            decisions.effects.append(EndRun(*of_run, FORGOTTEN, kind="preparation"))


def _want_release(
    state: ShardState, job: JobState, node_id: str, one: JobNode, at: int, decisions: Decisions
) -> None:
    node = state.nodes[node_id]
    one.release, one.is_told = "wanted", False
    one.release_attempt += 1
    decisions.changes.release_wanted.append(ReleaseWanted(job.number, node.number, one.release_attempt))
    _move(job, node_id, one)
    if is_lost_to(node):
        drop_release(job, node, one, at, decisions)


def drop_release(job: JobState, node: NodeState, one: JobNode, at: int, decisions: Decisions) -> None:
    """The node cannot be released: there is nothing to wait for."""
    decisions.changes.release_dropped.append(ReleaseDropped(job.number, node.number, at))
    finish_release(job, node, one)


def finish_release(job: JobState, node: NodeState, one: JobNode) -> None:
    one.release = "over"
    job.moving.discard(node.id)


def is_lost_to(node: NodeState) -> bool:
    """Whether the node will not run what is to be released there, though it is in the pool still."""
    if node.vacating is not None and node.vacating.purpose in _LOSING:
        return True
    return node.phase in ("leavingpool", "deallocating", "reimaging") or not NODE[node.phase].runs


def can_run(node: NodeState) -> bool:
    """Whether it runs what is of a job itself: it has booted, its start task is over, and it is not about to
    end."""
    is_up = node.phase in TAKING or node.phase == "starttaskfailed"
    stays = node.vacating is None or node.vacating.purpose == "disable"
    return is_up and stays and node.connected and not node.is_given_up


def on_node_connected(state: ShardState, node: NodeState, held: Set[RunKey], decisions: Decisions) -> None:
    """Its agent speaks, which holds these runs: it may not have heard of others, nor that nobody waits any
    more for what it prepares."""
    for key in held:
        if key.kind == "preparation" and not _is_wanted(state, node, key):
            decisions.effects.append(EndRun(node.id, key.number, key.attempt, FORGOTTEN, kind=key.kind))
    for job in state.jobs.values():
        if node.id in job.moving:
            one = job.nodes[node.id]
            key = RunKey(job.number, one.attempt, "preparation")
            if one.standing != "wanted":
                key = RunKey(job.number, one.release_attempt, "release")
            one.is_told, one.is_told_to_end = key in held, False


def _is_wanted(state: ShardState, node: NodeState, key: RunKey) -> bool:
    job = state.jobs.get(key.number)
    one = None if job is None else job.nodes.get(node.id)
    return one is not None and one.standing == "wanted" and one.attempt == key.attempt


def on_node_gone(state: ShardState, node: NodeState) -> None:
    """It leaves the pool. The store does the same by its number."""
    for job in state.jobs.values():
        job.nodes.pop(node.id, None)
        job.moving.discard(node.id)


def on_node_ended(state: ShardState, node: NodeState, *, is_wiped: bool) -> None:
    """Nothing of the node runs; it stays in the pool, with its files or without. What was being prepared is
    not, and what was being released is released again when the node is back. The store does the same."""
    for job in state.jobs.values():
        one = job.nodes.get(node.id)
        if one is None:
            continue
        reruns = job.rules.preparation is None or job.rules.preparation.reruns
        if is_wiped:
            one.standing, one.has_completed, one.has_run = "unprepared", False, False
            one.release = None if one.release is None else "over"
        elif one.standing == "wanted" or (one.standing == "ready" and reruns):
            one.standing = "unprepared"
        one.is_told = one.is_told_to_end = one.pauses = False
        _move(job, node.id, one)


def _move(job: JobState, node_id: str, one: JobNode) -> None:
    if one.is_moving:
        job.moving.add(node_id)
    else:
        job.moving.discard(node_id)
