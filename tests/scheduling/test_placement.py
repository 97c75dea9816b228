"""Which task goes where."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    add_tasks,
    hello,
    leases,
    placed,
    queued_task,
    sent,
    shard,
)

from batchite.link import messages as link
from batchite.scheduling.assignments import end
from batchite.scheduling.decisions import Decisions, ReadWindow
from batchite.scheduling.effects import RecallTask
from batchite.scheduling.ending import TERMINATED
from batchite.scheduling.jobs import on_tasks_added, on_window_read
from batchite.scheduling.nodes import on_node_connected, on_node_disconnected
from batchite.scheduling.placement import AHEAD_TICKS, ahead_limit
from batchite.scheduling.tasks import on_task_ended, on_task_started
from batchite.scheduling.windows import WINDOW, WINDOW_BYTES, Lane, Window


def test_tasks_go_in_the_order_they_were_added() -> None:
    state = shard(nodes=1, slots_per_node=3)
    add_job(state, 1, tasks=5)
    assert [task for task, _ in placed(state)] == [1000, 1001, 1002]


def test_spread_balances_tasks_over_nodes() -> None:
    state = shard(nodes=3, slots_per_node=4)
    add_job(state, 1, tasks=6)
    assert Counter(node for _, node in placed(state)) == {"node-1": 2, "node-2": 2, "node-3": 2}


def test_pack_fills_a_node_before_the_next() -> None:
    state = shard(nodes=3, slots_per_node=4, fill="pack")
    add_job(state, 1, tasks=6)
    assert sorted(Counter(node for _, node in placed(state)).values()) == [2, 4]


def test_higher_priority_first() -> None:
    state = shard(nodes=1, slots_per_node=2)
    add_job(state, 1, tasks=2, priority=-5)
    add_job(state, 2, tasks=1, priority=7)
    assert [task for task, _ in placed(state)] == [2000, 1000]


def test_jobs_of_equal_priority_take_turns_across_batches() -> None:
    state = shard(nodes=1, slots_per_node=2)
    for job in (1, 2, 3):
        add_job(state, job, tasks=2)
    first = [task for task, _ in placed(state)]
    add_node(state, 2)
    second = [task for task, _ in placed(state)]
    assert first == [1000, 2000]
    assert second == [3000, 1001]


def test_older_job_first_where_the_pool_says_so() -> None:
    state = shard(nodes=1, slots_per_node=3, oldest_job_first=True)
    add_job(state, 2, tasks=2)
    add_job(state, 1, tasks=2)
    assert [task for task, _ in placed(state)] == [1000, 1001, 2000]


def test_a_task_needs_all_its_slots_on_one_node() -> None:
    state = shard(nodes=2, slots_per_node=4)
    job = add_job(state, 1)
    add_tasks(job, range(1, 4), slots=3)
    assert len(placed(state)) == 2
    assert all(node.used == 3 for node in state.nodes.values())


def test_a_task_without_room_does_not_hold_up_smaller_ones() -> None:
    state = shard(nodes=1, slots_per_node=4)
    job = add_job(state, 1)
    add_tasks(job, range(1, 3), slots=3)
    add_tasks(job, range(3, 4), slots=1)
    assert [task for task, _ in placed(state)] == [1, 3]


def test_max_parallel_tasks() -> None:
    state = shard(nodes=2, slots_per_node=4)
    add_job(state, 1, tasks=8, max_parallel_tasks=3)
    assert len(placed(state)) == 3


def test_nothing_for_nodes_that_are_not_ready() -> None:
    state = shard()
    add_job(state, 1, tasks=5)
    for number, phase in enumerate(("creating", "starting", "waitingforstarttask", "starttaskfailed"), 1):
        add_node(state, number, phase)
    add_node(state, 9, "leavingpool")
    add_node(state, 10, "idle", connected=False)
    assert placed(state) == []


def test_terminating_jobs_start_nothing() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1, state="terminating")
    assert placed(state) == []


def test_no_leases_ahead_while_tasks_are_long_or_unknown() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=10)
    assert len(placed(state)) == 1
    state.nodes["node-1"].pace = AHEAD_TICKS * 2
    assert placed(state) == []


def test_leases_ahead_where_tasks_are_short() -> None:
    state = shard(nodes=1)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 4
    add_job(state, 1, tasks=10)
    assert len(placed(state)) == 1 + ahead_limit(node) == 5


def test_waiting_tasks_are_recalled_when_another_node_has_nothing_to_do() -> None:
    state = shard(nodes=1)
    state.nodes["node-1"].pace = AHEAD_TICKS // 4
    add_job(state, 1, tasks=3)
    assert len(placed(state)) == 3
    add_node(state, 2)
    decisions = leases(state)
    assert [(effect.node, effect.task) for effect in sent(decisions, RecallTask)] == [("node-1", 1002)]
    assert sent(leases(state), RecallTask) == []


def test_what_is_to_end_anyway_is_not_recalled() -> None:
    """Another of those that wait on the node is, which would run sooner elsewhere."""
    state = shard(nodes=1)
    state.nodes["node-1"].pace = AHEAD_TICKS // 4
    add_job(state, 1, tasks=3)
    placed(state)
    end(state.assignments[1002], TERMINATED, Decisions())
    add_node(state, 2)
    assert [effect.task for effect in sent(leases(state), RecallTask)] == [1001]


def test_a_recall_that_may_be_lost_with_its_link_is_repeated() -> None:
    state = shard(nodes=1)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 4
    add_job(state, 1, tasks=3)
    placed(state)
    add_node(state, 2)
    leases(state)
    on_node_disconnected(node)
    held = [link.RunKey(one.task.number, one.attempt) for one in node.assignments.values()]
    on_node_connected(state, node, hello(*held), NOW, Decisions())
    assert [effect.task for effect in sent(leases(state), RecallTask)] == [1002]


def test_pace_follows_what_tasks_took() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    decisions = leases(state)
    node = state.nodes["node-1"]
    on_task_started(node, link.RunStarted(0, 1000, 1, NOW), decisions)
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 20_000, 0, None), decisions)
    assert node.pace == 20_000
    assert ahead_limit(node) == 20


def test_a_low_window_is_read_on_from_its_cursor() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1)
    job.window(Lane(1)).extend([queued_task(7)], more=True)
    (read,) = sent(leases(state), ReadWindow)
    assert (read.job, read.lane, read.after, read.limit) == (1, Lane(1), (0, 7), WINDOW)


def test_a_task_past_the_cursor_that_waits_again_is_left_to_the_store() -> None:
    """As after a change of owner, when what is on nodes was never in a window."""
    window = Window(Lane(1))
    window.extend([], more=False)
    window.put_back(queued_task(5))
    assert (len(window), window.more) == (0, True)


def test_windows_are_not_read_while_no_node_can_use_them() -> None:
    state = shard()
    add_job(state, 1).window(Lane(1))
    decisions = leases(state)
    assert (decisions.effects, decisions.reads) == ([], [])


def test_put_back_keeps_the_order_and_the_bound() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1)
    window = job.window(Lane(1))
    window.extend([queued_task(number) for number in range(10, 10 + WINDOW)], more=False)
    first = window.pop()
    window.put_back(first)
    assert window.next == first
    window.put_back(queued_task(1))
    assert len(window) == WINDOW
    assert (window.cursor, window.more) == ((0, 10 + WINDOW - 2), True)
    window.put_back(queued_task(10_000))
    assert len(window) == WINDOW


def test_a_window_of_large_tasks_is_full_early() -> None:
    state = shard(nodes=1, slots_per_node=3)
    job = add_job(state, 1)
    window = job.window(Lane(1))
    large = b" " * (WINDOW_BYTES // 4)
    window.extend([queued_task(number, definition=large) for number in range(1, 5)], more=True)
    decisions = leases(state)
    assert [lease.task for lease in decisions.changes.leased] == [1, 2, 3]
    (read,) = sent(decisions, ReadWindow)
    assert (read.after, read.size) == ((0, 4), WINDOW_BYTES - len(large))
    window.extend([queued_task(number, definition=large) for number in range(5, 7)], more=True)
    assert sent(leases(state), ReadWindow) == []
    window.put_back(queued_task(2, definition=large))
    window.discard(5)
    assert window.size == 3 * len(large) == sum(len(task.definition) for task in job.queued())


def test_a_task_that_no_node_can_ever_run_is_not_given_ahead_either() -> None:
    """It would stay at the head of the node's queue, before all that come after it."""
    state = shard(nodes=1)
    state.nodes["node-1"].pace = AHEAD_TICKS // 8
    job = add_job(state, 1)
    add_tasks(job, range(1, 2), slots=4)
    add_tasks(job, range(2, 5))
    assert [task for task, _ in placed(state)] == [2, 3, 4]


def window_of(*numbers: int, more: bool) -> Window:
    window = Window(Lane(1))
    window.extend(map(queued_task, numbers), more=more)
    return window


def numbers(window: Window) -> list[int]:
    return [task.number for task in window.tasks[window.head :]]


def test_a_task_that_waits_from_now_on_is_in_the_window_at_once_wherever_it_stands() -> None:
    """One past the cursor is found again by the next read, which passes over it."""
    window = window_of(3, 5, more=False)
    window.put(queued_task(4))
    window.put(queued_task(9))
    assert numbers(window) == [3, 4, 5, 9]
    assert not window.more
    window.extend(map(queued_task, (7, 9, 11)), more=False)
    assert numbers(window) == [3, 4, 5, 7, 9, 11]
    assert window.cursor == (0, 11)
    assert not window.ahead


def test_a_task_past_the_cursor_that_is_taken_or_gone_is_read_if_it_comes_back() -> None:
    window = window_of(1, more=False)
    for number in (5, 6):
        window.put(queued_task(number))
    assert [window.pop().number, window.pop().number] == [1, 5]
    window.discard(6)
    window.extend(map(queued_task, (5, 6)), more=False)
    assert numbers(window) == [5, 6]


def test_a_full_window_leaves_what_comes_to_the_store() -> None:
    window = window_of(*range(0, 2 * WINDOW, 2), more=False)
    window.put(queued_task(2 * WINDOW))
    assert (len(window), window.more) == (WINDOW, True)
    window.more = False
    window.put(queued_task(1))
    assert (len(window), window.more, window.cursor) == (WINDOW, True, (0, 2 * WINDOW - 4))


def test_a_window_that_gets_full_leaves_first_what_stands_past_the_cursor() -> None:
    window = window_of(*range(0, 2 * WINDOW - 2, 2), more=False)
    window.put(queued_task(2 * WINDOW))
    window.put(queued_task(1))
    assert (window.more, window.cursor, window.ahead) == (True, (0, 2 * WINDOW - 4), set())
    assert len(window) == WINDOW


def test_a_task_goes_to_the_node_that_it_likes_if_that_has_room() -> None:
    for fill in ("spread", "pack"):
        state = shard(nodes=3, slots_per_node=2, fill=fill)
        job = add_job(state, 1)
        add_tasks(job, range(1, 4), near="node-3")
        add_tasks(job, range(4, 5), near="nowhere")
        add_tasks(job, range(5, 6))
        found = dict(placed(state))
        assert [found[1], found[2]] == ["node-3", "node-3"]
        assert found.keys() == {1, 2, 3, 4, 5}, "it is no condition"
        assert {found[3], found[4], found[5]} == {"node-1", "node-2"}
        assert [state.nodes[f"node-{number}"].used for number in (1, 2, 3)] in ([2, 1, 2], [1, 2, 2])


def test_a_node_that_takes_nothing_is_liked_in_vain() -> None:
    state = shard(nodes=2)
    state.nodes["node-2"].connected = False
    add_tasks(add_job(state, 1), range(1, 2), near="node-2")
    assert placed(state) == [(1, "node-1")]


def test_who_likes_a_node_comes_in_its_turn() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1, tasks=1)
    add_tasks(job, range(1001, 1002), near="node-1")
    assert placed(state) == [(1000, "node-1")]


def test_a_window_is_read_anew_when_the_store_has_what_goes_before_its_cursor() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1)
    job.window(Lane(1)).extend([queued_task(number) for number in (1, 2, 3)], more=False)
    on_tasks_added(state, 1, {Lane(1): 4}, {Lane(1): 0}, 4, NOW, Decisions())
    assert not job.window(Lane(1)).is_outdated, "what was added comes after"
    on_tasks_added(state, 1, {Lane(1): 4}, {Lane(1): -5}, 4, NOW, Decisions())
    decisions = leases(state)
    assert [lease.task for lease in decisions.changes.leased] == [1], "nothing is idle until it is read"
    (read,) = sent(decisions, ReadWindow)
    assert (read.after[0] < -1000, read.limit, read.size) == (True, WINDOW, WINDOW_BYTES)
    on_window_read(state, 1, Lane(1), [queued_task(4, rank=-5), queued_task(2), queued_task(3)], more=False)
    assert numbers(job.window(Lane(1))) == [4, 2, 3]
    assert sent(leases(state), ReadWindow) == []


def test_what_comes_to_a_window_that_is_read_anew_is_in_it_once() -> None:
    window = window_of(1, 2, more=False)
    window.outdate()
    window.put(queued_task(9))
    window.put_back(queued_task(0))
    assert numbers(window) == [1, 2, 9], "the store has the last"
    window.extend(map(queued_task, (0, 1, 2)), more=True)
    assert numbers(window) == [0, 1, 2]
    window.extend([queued_task(9)], more=False)
    assert numbers(window) == [0, 1, 2, 9]
    assert window.size == 4 * len(queued_task(1).definition)


@given(
    ranks=st.lists(st.integers(-2, 2), min_size=1, max_size=12),
    known=st.integers(0, 12),
    taken=st.integers(0, 12),
    more=st.booleans(),
)
def test_a_window_that_was_read_anew_goes_by_rank_and_number(
    ranks: list[int], known: int, taken: int, more: bool
) -> None:
    """Whatever of it was known and taken before, and wherever the read ended."""
    stored = [queued_task(number, rank=rank) for number, rank in enumerate(ranks, 1)]
    window = Window(Lane(1))
    window.extend(sorted(stored[:known], key=attrgetter("place")), more=False)
    over = {window.pop().number for _ in range(min(taken, len(window)))}
    window.outdate()
    left = sorted((task for task in stored if task.number not in over), key=attrgetter("place"))
    cut = len(left) // 2 if more else len(left)
    window.extend(left[:cut], more=more)
    if more:
        window.extend([task for task in left if task.place > window.cursor], more=False)
    assert window.waiting == left
