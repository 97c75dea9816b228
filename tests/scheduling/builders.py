"""Small states to decide about."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec

from batchite.link import messages as link
from batchite.resources.rules import JobRules, PoolRules, Rules, StartTaskRules, TaskRules
from batchite.resources.vacating import REMOVED
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.nodes import settle_phases
from batchite.scheduling.placement import place
from batchite.scheduling.pools import on_node_ended
from batchite.scheduling.restarts import on_node_lost
from batchite.scheduling.state import JobState, NodeState, PoolState, ShardState
from batchite.scheduling.tasks import on_task_started
from batchite.scheduling.windows import QueuedTask

NOW = 1_000_000_000


def pool(**changes: Any) -> PoolState:
    values: dict[str, Any] = {
        "number": 1,
        "id": "pool",
        "state": "active",
        "allocation_state": "steady",
        "target_dedicated": 0,
        "target_low_priority": 0,
        "vm_size": "standard_d2s_v3",
        "node_cores": 2,
        "resize_ends_at": NOW + 9_000,
        "modified": NOW,
    }
    return PoolState(**(values | ruled(PoolRules(), changes)))


def ruled(rules: Rules, changes: dict[str, Any]) -> dict[str, Any]:
    """The changes, those of rules made to these."""
    of_rules = {name: value for name, value in changes.items() if name in rules.__struct_fields__}
    others = {name: value for name, value in changes.items() if name not in of_rules}
    return {**others, "rules": msgspec.structs.replace(rules, **of_rules)}


def start_task(*, wait: bool = True, retries: int = 0) -> StartTaskRules:
    return StartTaskRules(b'{"commandLine":"prepare"}', wait, retries)


def shard(*, nodes: int = 0, **pool_changes: Any) -> ShardState:
    """A pool with that many nodes, idle and connected."""
    state = ShardState(pool=pool(target_dedicated=nodes, **pool_changes))
    for number in range(1, nodes + 1):
        add_node(state, number)
    return state


def add_node(state: ShardState, number: int, phase: Any = "idle", *, connected: bool = True) -> NodeState:
    assert state.pool is not None
    node = NodeState(number, f"node-{number}", True, state.pool.rules.slots_per_node, phase, phase)
    node.connected = node.was_connected = connected
    node.start_task = None if phase in ("creating", "starting") else state.pool.rules.start_task
    node.start_task_done = node.is_ready = phase in ("idle", "running", "offline")
    node.is_begun = phase == "starting"
    node.is_disabled = phase == "offline"
    node.vacating = REMOVED if phase == "leavingpool" else None
    state.nodes[node.id] = node
    return node


def add_job(shard_state: ShardState, number: int, tasks: int = 0, **changes: Any) -> JobState:
    """A job with that many waiting tasks of one slot, numbered job * 1000 and up."""
    values: dict[str, Any] = {
        "number": number,
        "id": f"job-{number}",
        "state": "active",
        "changed": NOW,
        "ends_at": None,
    }
    job = shard_state.jobs[number] = JobState(**(values | ruled(JobRules(), changes)))
    add_tasks(job, range(number * 1000, number * 1000 + tasks))
    return job


def add_tasks(job: JobState, numbers: range, slots: int = 1, rank: int = 0, **changes: Any) -> None:
    queued = [queued_task(number, slots=slots, rank=rank, **changes) for number in numbers]
    for task in queued:
        window = job.window(task.lane)
        window.extend([task], more=False)
        window.tasks.sort(key=attrgetter("place"))
    job.unfinished += len(queued)


def queued_task(number: int, **changes: Any) -> QueuedTask:
    values: dict[str, Any] = {
        "number": number,
        "id": f"task-{number}",
        "slots": 1,
        "attempt": 0,
        "retries": 0,
        "definition": b"{}",
    }
    return QueuedTask(**(values | ruled(TaskRules(), changes)))


def hello(*held: link.RunKey, ran: int = 0) -> link.Hello:
    """Of an agent that holds these runs, and the start task in the attempt `ran`."""
    start_task = (link.RunKey(0, ran, "starttask"),) if ran else ()
    return link.Hello(link.PROTOCOL, "0.1.0", NOW, (*held, *start_task))


def lose(state: ShardState, node: NodeState, at: int = NOW, why: str = "its agent ended") -> Decisions:
    """The engine says that nothing of the node runs any more, and ends it as it is asked."""
    decisions = Decisions()
    on_node_lost(node, why, decisions)
    on_node_ended(state, node, at, decisions)
    return decisions


def placed(state: ShardState, now: int = NOW) -> list[tuple[int, str]]:
    """One turn of placement: (task, node) in the order of the leases."""
    return [(lease.task, lease.node_id) for lease in leases(state, now).changes.leased]


def run_all(state: ShardState) -> list[int]:
    """One turn of placement; whatever has a slot on its node begins."""
    placed(state)
    for node in state.nodes.values():
        for assignment in list(node.assignments.values())[: node.slots]:
            on_task_started(
                node, link.RunStarted(0, assignment.task.number, assignment.attempt, NOW), Decisions()
            )
    return [number for number, assignment in state.assignments.items() if assignment.started]


def leases(state: ShardState, now: int = NOW) -> Decisions:
    decisions = Decisions()
    place(state, now, decisions)
    settle_phases(state, NOW, decisions)
    return decisions


def sent(decisions: Decisions, kind: type) -> list[Any]:
    """Of this kind, in order: effects and reads."""
    return [one for one in (*decisions.effects, *decisions.reads) if isinstance(one, kind)]
