"""Whose turn it is to be started."""

from __future__ import annotations

from batchite.dispatch.starts import Starts


def waiting(at_once: int, of_a_pool: int, **pools: int) -> Starts:
    """Nodes a1, a2, ... of pool a, and so on."""
    starts = Starts(at_once, of_a_pool)
    for pool, count in pools.items():
        for number in range(1, count + 1):
            starts.add(pool, f"{pool}{number}")
    return starts


def test_so_many_at_a_time_in_the_order_they_came() -> None:
    starts = waiting(3, 3, a=5)
    assert starts.take() == ["a1", "a2", "a3"]
    assert starts.take() == []
    starts.remove("a", "a2")
    assert starts.take() == ["a4"]


def test_pools_take_turns() -> None:
    assert waiting(5, 5, a=100, b=2, c=1).take() == ["a1", "b1", "c1", "a2", "b2"]


def test_a_pool_whose_nodes_never_come_up_leaves_room_for_others() -> None:
    starts = waiting(4, 2, a=100)
    assert starts.take() == ["a1", "a2"]
    starts.add("b", "b1")
    assert starts.take() == ["b1"]


def test_what_is_not_wanted_any_more_is_not_started() -> None:
    starts = waiting(1, 1, a=3)
    assert starts.take() == ["a1"]
    starts.remove("a", "a2")
    starts.remove("a", "a1")
    assert starts.take() == ["a3"]


def test_a_node_has_one_place() -> None:
    starts = waiting(2, 2, a=1)
    starts.add("a", "a1")
    assert starts.take() == ["a1"]
    starts.add("a", "a1")
    assert starts.take() == []


def test_removing_what_is_not_there() -> None:
    starts = waiting(2, 2)
    starts.remove("a", "a1")
    assert starts.take() == []
