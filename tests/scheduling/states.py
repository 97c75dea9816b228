"""Any shard at all, for Hypothesis."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st
from tests.scheduling.builders import add_job, add_node, add_tasks, shard

from batchite.scheduling.placement import AHEAD_TICKS
from batchite.scheduling.state import NodePhase, ShardState

PHASES = get_args(NodePhase)


@st.composite
def shards(draw: st.DrawFn) -> ShardState:
    state = shard(
        slots_per_node=draw(st.integers(1, 4)),
        fill=draw(st.sampled_from(("spread", "pack"))),
        oldest_job_first=draw(st.booleans()),
    )
    for number in range(1, draw(st.integers(0, 5)) + 1):
        phase = draw(st.sampled_from(("idle", "idle", "running", *PHASES)))
        node = add_node(state, number, phase, connected=draw(st.sampled_from((True, True, False))))
        node.is_given_up = draw(st.sampled_from((False, False, True)))
        node.pace = draw(st.sampled_from((1_000_000_000, AHEAD_TICKS // 3)))
    for number in range(1, draw(st.integers(1, 4)) + 1):
        job = add_job(
            state,
            number,
            state=draw(st.sampled_from(("active", "active", "disabled", "terminating"))),
            priority=draw(st.integers(-1, 1)),
            max_parallel_tasks=draw(st.sampled_from((-1, 1, 3))),
        )
        first = number * 1000
        for slots in range(1, 6):
            for rank in (0, 1):
                count = draw(st.integers(0, 3))
                add_tasks(job, range(first, first + count), slots, rank)
                first += count
    if draw(st.sampled_from((False, False, False, True))):
        state.pool = None
    return state
