"""Jobs that share slots by tag: who is next, within a tag and among tags."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.scheduling.builders import NOW, add_job, add_tasks, leases, placed, run_all, sent, shard

from batchite.scheduling import effects, reasons
from batchite.scheduling.assignments import release
from batchite.scheduling.explaining import Finding, jobs_ahead
from batchite.scheduling.keeping import PATIENCE
from batchite.scheduling.sharing import tag_of, used
from batchite.scheduling.state import ShardState, Tag
from batchite.scheduling.windows import Lane


def sharing(slots: int, *, nodes: int = 1, oldest_job_first: bool = False) -> ShardState:
    state = shard(nodes=nodes, slots_per_node=slots, oldest_job_first=oldest_job_first)
    state.share_by = "team"
    return state


def in_use(state: ShardState, priority: int = 0) -> dict[Tag, int]:
    return dict(used(job for job in state.jobs.values() if job.rules.priority == priority))


def served(state: ShardState) -> list[int]:
    """Jobs in the order in which one turn gives them tasks."""
    return [task // 1000 for task, _ in placed(state)]


def one_ends(state: ShardState, job: int = 0) -> None:
    """The first task, of that job if one is named."""
    release(state, next(one for one in state.assignments.values() if job in (0, one.job.number)))


def test_tags_share_evenly_however_many_jobs_they_have() -> None:
    state = sharing(6)
    for number in range(1, 5):
        add_job(state, number, tasks=10, tag="a")
    add_job(state, 5, tasks=10, tag="b")
    assert served(state) == [1, 5, 2, 5, 3, 5]


def test_a_job_without_the_item_is_a_tag_of_its_own() -> None:
    state = sharing(6)
    for number, tag in ((1, "a"), (2, "a"), (3, None), (4, None)):
        add_job(state, number, tasks=10, tag=tag)
    placed(state)
    assert in_use(state) == {"a": 2, 3: 2, 4: 2}


def test_without_the_setting_tags_mean_nothing() -> None:
    state = sharing(6)
    state.share_by = ""
    for number, tag in ((1, "a"), (2, "a"), (3, "b")):
        add_job(state, number, tasks=10, tag=tag)
    assert served(state) == [1, 2, 3, 1, 2, 3]
    assert state.turns == {}


def test_what_others_do_not_use_is_taken_and_comes_back_as_tasks_end() -> None:
    state = sharing(4)
    add_job(state, 1, tasks=20, tag="a")
    placed(state)
    add_job(state, 2, tasks=20, tag="b")
    assert sent(leases(state), effects.EndRun) == []
    for expected in ({"a": 3, "b": 1}, {"a": 2, "b": 2}):
        one_ends(state, 1)
        placed(state)
        assert in_use(state) == expected
    one_ends(state, 1)
    assert served(state) == [1]


def test_of_equals_the_one_served_longest_ago_is_next_in_a_tag_and_among_tags() -> None:
    state = sharing(1)
    for number, tag in ((1, "a"), (2, "b"), (3, "a")):
        add_job(state, number, tasks=10, tag=tag)
    order = []
    for _ in range(8):
        order += served(state)
        one_ends(state)
    assert order == [1, 2, 3, 2, 1, 2, 3, 2]


def test_within_a_tag_the_older_job_goes_first_where_the_pool_says_so() -> None:
    state = sharing(4, oldest_job_first=True)
    for number, tag in ((1, "a"), (2, "a"), (3, "b")):
        add_job(state, number, tasks=10, tag=tag)
    assert served(state) == [1, 3, 1, 3]


def test_priorities_come_before_shares_and_do_not_count_in_those_below() -> None:
    state = sharing(6)
    add_job(state, 1, tasks=2, tag="a", priority=1)
    for number, tag in ((2, "a"), (3, "b")):
        add_job(state, number, tasks=10, tag=tag)
    assert served(state) == [1, 1, 2, 3, 2, 3]


def test_slots_of_a_job_that_starts_no_more_count_for_its_tag() -> None:
    state = sharing(4)
    add_job(state, 1, tasks=2, tag="a")
    placed(state)
    state.jobs[1].state = "disabled"
    for number, tag in ((2, "a"), (3, "b")):
        add_job(state, number, tasks=10, tag=tag)
    assert served(state) == [3, 3]


def test_a_tag_above_its_share_has_no_slots_kept() -> None:
    state = sharing(4)
    add_job(state, 1, tasks=3, tag="a")
    add_job(state, 2, tasks=1, tag="b")
    placed(state)
    add_tasks(state.jobs[1], range(1500, 1501), slots=3)
    add_tasks(state.jobs[2], range(2500, 2600))
    placed(state)
    placed(state, NOW + PATIENCE)
    assert state.kept == {}
    one_ends(state, 1)
    placed(state, NOW + PATIENCE)
    assert in_use(state) == {"a": 2, "b": 2}
    assert state.kept == {}
    one_ends(state, 1)
    placed(state, NOW + PATIENCE)
    assert in_use(state) == {"a": 1, "b": 2}
    assert state.kept[1].lane == Lane(3)


def test_tasks_still_give_way_to_higher_priorities_alone() -> None:
    state = sharing(2)
    add_job(state, 1, tasks=2, tag="a", gives_way=True)
    run_all(state)
    add_job(state, 2, tasks=2, tag="b")
    assert sent(leases(state), effects.EndRun) == []
    add_job(state, 3, tasks=1, tag="a", priority=1)
    assert len(sent(leases(state), effects.EndRun)) == 1


def test_turns_of_tags_that_are_gone_are_forgotten() -> None:
    state = sharing(1)
    for number in range(1, 200):
        add_job(state, number, tasks=1, tag=str(number))
        placed(state)
        one_ends(state)
        del state.jobs[number]
    assert len(state.turns) < 20


def test_those_with_fewer_slots_are_ahead() -> None:
    state = sharing(3)
    job = add_job(state, 1, tasks=9, tag="a")
    placed(state)
    others = [add_job(state, number, tasks=2, tag=tag) for number, tag in ((2, "b"), (3, "b"), (4, None))]
    assert jobs_ahead(state, job) == [Finding(reasons.SharesAhead("team", 3, 2, 6), False)]
    assert [jobs_ahead(state, other) for other in others] == [[], [], []]
    state.share_by = ""
    assert jobs_ahead(state, job) == []


def test_older_jobs_are_ahead_in_a_tag_only() -> None:
    state = sharing(1, oldest_job_first=True)
    for number, tag in ((1, "a"), (2, "b")):
        add_job(state, number, tasks=2, tag=tag)
    assert jobs_ahead(state, add_job(state, 3, tasks=1, tag="b")) == [Finding(reasons.JobsAhead(1, 2), False)]


TAGS = st.sampled_from(("a", "b", "c", None))


@given(st.lists(TAGS, min_size=1, max_size=8), st.integers(1, 4), st.integers(1, 6), st.booleans())
def test_shares_are_even_within_one_task(
    tags: list[str | None], nodes: int, slots: int, oldest_first: bool
) -> None:
    state = sharing(slots, nodes=nodes, oldest_job_first=oldest_first)
    for number, tag in enumerate(tags, 1):
        add_job(state, number, tasks=30, tag=tag)
    placed(state)
    shares = in_use(state).values()
    assert sum(shares) == nodes * slots
    assert max(shares) - min(shares) <= 1


@given(st.lists(TAGS, min_size=1, max_size=6), st.lists(st.integers(0, 20), max_size=60))
def test_shares_become_and_stay_even_whatever_ends(tags: list[str | None], ends: list[int]) -> None:
    """Tasks end in any order, one a turn: who gets the slot has no more than any other before."""
    state = sharing(4, nodes=2)
    add_job(state, 1, tasks=100, tag="a")
    placed(state)
    for number, tag in enumerate(tags, 2):
        add_job(state, number, tasks=100, tag=tag)
    for choice in ends:
        running = list(state.assignments.values())
        release(state, running[choice % len(running)])
        before = Counter(in_use(state))
        (job,) = served(state)
        assert before[tag_of(state.jobs[job])] == min(before[tag_of(one)] for one in state.jobs.values())
