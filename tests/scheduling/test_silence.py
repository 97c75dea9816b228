"""How long a node may say nothing."""

from __future__ import annotations

import pytest
from tests.scheduling.builders import NOW, add_job, add_node, lose, placed, run_all, sent, shard

from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import KillNode
from batchite.scheduling.silence import (
    BOOT_TICKS,
    LONGEST_STEP,
    LOOK_TICKS,
    SILENCE_TICKS,
    on_look,
    on_node_heard,
)
from batchite.scheduling.state import ShardState


def looks(state: ShardState, ticks: int, step: int = LOOK_TICKS) -> list[str]:
    """The nodes that are killed while so much time goes by, looked at every `step`."""
    killed: list[str] = []
    start = NOW if state.looked is None else state.looked
    for at in range(start, start + ticks + 1, step):
        decisions = Decisions()
        on_look(state, at, decisions)
        assert not decisions.changes
        killed += [effect.node for effect in sent(decisions, KillNode)]
    return killed


def test_a_node_that_says_nothing_for_four_heartbeats_is_killed_once() -> None:
    state = shard(nodes=2)
    assert looks(state, SILENCE_TICKS - LOOK_TICKS) == []
    on_node_heard(state.nodes["node-2"])
    assert looks(state, LOOK_TICKS) == ["node-1"]
    assert looks(state, SILENCE_TICKS - 2 * LOOK_TICKS) == []
    assert looks(state, LOOK_TICKS) == ["node-2"]
    assert looks(state, 2 * SILENCE_TICKS) == []


def test_the_reason_is_told() -> None:
    state, decisions = shard(nodes=1), Decisions()
    looks(state, SILENCE_TICKS - LOOK_TICKS)
    on_look(state, NOW + SILENCE_TICKS, decisions)
    assert [effect.reason for effect in sent(decisions, KillNode)] == ["its agent has said nothing for 40 s"]


def test_it_takes_no_tasks_meanwhile_and_what_it_had_runs_elsewhere() -> None:
    state = shard(nodes=1, slots_per_node=2)
    add_job(state, 1, tasks=1)
    assert run_all(state) == [1000]
    looks(state, SILENCE_TICKS)
    add_job(state, 2, tasks=1)
    assert placed(state) == []
    decisions = lose(state, state.nodes["node-1"])
    assert decisions.changes.requeued[1000].why == "recovery"
    assert decisions.changes.nodes_wanted[True].count == 1


@pytest.mark.parametrize("step", [LONGEST_STEP + 1, 3600 * SILENCE_TICKS])
def test_what_holds_the_service_up_does_not_count(step: int) -> None:
    """Such as a machine that sleeps, or a clock that is set: four looks are not yet too much."""
    state = shard(nodes=1)
    assert looks(state, 3 * step, step) == []
    assert state.nodes["node-1"].silence == 3 * LONGEST_STEP


def test_a_new_owner_begins_to_count_anew() -> None:
    state = shard(nodes=1)
    on_look(state, NOW + 3600 * SILENCE_TICKS, Decisions())
    assert state.nodes["node-1"].silence == 0


@pytest.mark.parametrize("phase", ["creating", "leavingpool"])
def test_nodes_that_are_not_to_speak_are_left_alone(phase: str) -> None:
    state = shard()
    add_node(state, 1, phase, connected=False)
    assert looks(state, 2 * BOOT_TICKS) == []


def test_a_node_that_never_spoke_has_longer() -> None:
    state = shard()
    add_node(state, 1, "starting", connected=False)
    assert looks(state, BOOT_TICKS - LOOK_TICKS) == []
    assert looks(state, LOOK_TICKS) == ["node-1"]
