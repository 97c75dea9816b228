"""What comes of a job's release task: it runs where the job was prepared and had tasks, once the job ends, or
goes to another pool, and has none on nodes any more; the job is not over, and does not go, before.

How it ends is shown and changes nothing: it is never run again for that. Only a node that ends meanwhile and
comes back runs it again; one that does not, or loses its files, is not waited for.
"""

from __future__ import annotations

from batchite.link.messages import RunEnded, RunStarted
from batchite.scheduling import jobs
from batchite.scheduling.changes.job_nodes import ReleaseChanged, ran
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import RunAtOnce
from batchite.scheduling.job_nodes import can_run, drop_release, finish_release, is_lost_to
from batchite.scheduling.state import JobNode, JobState, NodeState, ShardState


def proceed(state: ShardState, at: int, decisions: Decisions) -> None:
    """Tell agents what they are to run, and see which jobs are over; call it in every batch."""
    for job in list(state.jobs.values()):
        if not job.is_clearing:
            continue
        for node_id in tuple(job.moving):
            one, node = job.nodes[node_id], state.nodes[node_id]
            if one.release != "wanted":
                continue
            if is_lost_to(node):
                drop_release(job, node, one, at, decisions)
            elif not one.is_told and can_run(node):
                one.is_told = True
                _run(job, node, one, decisions)
        jobs.finish(state, job, at, decisions)


def _run(job: JobState, node: NodeState, one: JobNode, decisions: Decisions) -> None:
    preparation, rules = job.rules.preparation, job.rules.release
    if preparation is not None and rules is not None:
        of_run = job.number, one.release_attempt, rules.definition, 0
        decisions.effects.append(RunAtOnce(node.id, "release", *of_run, job.id, rules.id, preparation.id))


def on_started(state: ShardState, node: NodeState, report: RunStarted, decisions: Decisions) -> None:
    """An old attempt is ignored."""
    if (found := _current(state, node, report)) is not None:
        decisions.changes.release_changed.append(ReleaseChanged(*ran(found[0], node, report.started, None)))


def on_ended(state: ShardState, node: NodeState, report: RunEnded, decisions: Decisions) -> None:
    found = _current(state, node, report)
    if found is None:
        return
    job, one = found
    exit_ = report.exit
    decisions.changes.release_changed.append(ReleaseChanged(*ran(job, node, exit_.shown_start, exit_)))
    finish_release(job, node, one)
    jobs.finish(state, job, report.ended, decisions)


def _current(
    state: ShardState, node: NodeState, report: RunStarted | RunEnded
) -> tuple[JobState, JobNode] | None:
    job = state.jobs.get(report.number)
    one = None if job is None else job.nodes.get(node.id)
    if job is None or one is None or one.release != "wanted" or one.release_attempt != report.attempt:
        return None
    return job, one
