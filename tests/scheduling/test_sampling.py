"""What the owner of a pool samples of its nodes without their help: how long tasks have run there."""

from __future__ import annotations

from collections.abc import Mapping

from tests.scheduling.builders import NOW, add_job, lose, run_all, shard

from batchite.link import messages as link
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.scaling import on_node_measured
from batchite.scheduling.state import NodeState, Scaling, ShardState
from batchite.scheduling.tasks import on_task_ended
from batchite.wire.ticks import TICKS_PER_SECOND


def running(tasks: int) -> tuple[ShardState, NodeState]:
    """All of them began now, on a node with four slots."""
    state = shard(nodes=1, slots_per_node=4, scaling=Scaling(300, NOW, NOW))
    add_job(state, 1, tasks)
    assert len(run_all(state)) == tasks
    return state, state.nodes["node-1"]


def measured(state: ShardState, node: NodeState, seconds: int) -> Mapping[str, float]:
    """What has grown, so many seconds from now; the agent tells nothing."""
    on_node_measured(
        state, node, link.UseMeasured(0, None, None, None, None), NOW + seconds * TICKS_PER_SECOND
    )
    assert node.measured is not None
    return node.measured.grown


def end(state: ShardState, node: NodeState, task: int, seconds: int) -> None:
    ended = NOW + seconds * TICKS_PER_SECOND
    on_task_ended(state, node, link.RunEnded(0, task, 1, NOW, ended, 0, None), Decisions())


def test_each_task_counts_by_itself_from_one_sample_to_the_next() -> None:
    state, node = running(2)
    assert measured(state, node, 10) == {}, "nobody knows since when"
    assert measured(state, node, 40) == {"$WallClockSeconds": 60}
    end(state, node, 1000, 45)
    assert measured(state, node, 70) == {"$WallClockSeconds": 35}
    end(state, node, 1001, 70)
    assert measured(state, node, 100) == {"$WallClockSeconds": 0}


def test_a_run_that_nobody_saw_the_end_of_says_nothing() -> None:
    state, node = running(1)
    measured(state, node, 10)
    lose(state, node)
    assert measured(state, node, 40) == {}
