"""Circles of tasks that wait for each other: what is found is so, as a model tells that tries everything."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dispatch.depending import Both, Step, Store, jobs, steps

from batchite.resources import dependencies as words
from batchite.resources.keys import folded
from batchite.store.batch import circles
from batchite.store.batch.circles import circle, suspects
from batchite.store.database import create_engine

LAST = 2**31 - 1


@pytest.fixture
def connection(batch_url: str) -> Iterator[sa.Connection]:
    engine = create_engine(batch_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def store(connection: sa.Connection) -> Store:
    return Store(connection, next(jobs))


def numbers(first: int, last: int) -> str:
    return words.Range(first, last).word


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, max_size=14))
def test_a_circle_is_told_if_there_is_one_and_no_other(
    connection: sa.Connection, happens: list[Step]
) -> None:
    both = Both(connection)
    for kind, what in happens:
        getattr(both, kind)(what)
    model, job = both.model, both.store.job
    are_numbers_clear = all(len(model.of_number(one)) < 2 for one in range(-3, 6))
    for key in model.tasks:
        found = [folded(one) for one in circle(connection, job, key)]
        if found:
            assert found[0] == key
            assert len(set(found)) == len(found)
            assert all(b in model.kept_by(a) for a, b in itertools.pairwise([*found, key]))
        elif are_numbers_clear:
            assert not model.is_in_circle(key)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(1, 64))
def test_spellings_of_a_number_are_all_ids_that_count_as_it(number: int, longest: int) -> None:
    found = words.spellings(number, longest)
    assert {words.number(one) for one in found} <= {number}
    assert len(set(found)) == len(found)
    widths = {len(one) for one in found if one.lstrip("-") == one}
    if number >= 0:
        assert widths == {*range(len(str(number)), longest + 1)}


def test_stages_that_wait_for_each_others_ranges(store: Store) -> None:
    store.add([(str(one), [numbers(201, 300)]) for one in range(1, 101)])
    store.add([(str(one), [numbers(1, 100)]) for one in range(101, 201)])
    store.add([(str(one), ["x", numbers(101, 199)]) for one in range(201, 300)])
    assert [int(one) // 100 for one in circle(store.connection, store.job, "250")] == [2, 1, 0]
    store.add([("behind", [numbers(101, 200)])])
    assert circle(store.connection, store.job, "behind") == ()


def test_one_of_many_that_waits_for_what_waits_for_all(store: Store) -> None:
    store.add([(str(one), []) for one in range(1, 200)])
    store.add([("0", ["join"]), ("join", [numbers(-(2**31), LAST)])])
    assert circle(store.connection, store.job, "join") == ("join", "0")
    assert circle(store.connection, store.job, "0") == ("0", "join")


def test_what_might_yet_be_is_not_told(store: Store) -> None:
    """A number is satisfied by the first task that has it, however it is spelled."""
    store.add([("a", [numbers(4, 4)]), ("4", ["a"])])
    assert circle(store.connection, store.job, "a") == ("a", "4")
    store.add([(f"{4:064}", [])])
    assert circle(store.connection, store.job, "a") == ()
    store.end([(f"{4:064}", True)])
    store.end([("a", True)])
    store.delete("a")
    store.add([("A", ["4"])])
    store.add([("5", ["a"]), ("b", ["5"])])
    assert store.states["4"] == "active", "it has not looked at the new one"
    assert circle(store.connection, store.job, "a") == ()


def test_what_was_satisfied_when_it_was_looked_at_is_waited_for_no_more(store: Store) -> None:
    store.add([("a", []), ("x", []), ("b", ["x", "a"])])
    store.end([("a", True)])
    store.delete("a")
    store.add([("a", ["b"])])
    assert circle(store.connection, store.job, "a") == ()
    assert circle(store.connection, store.job, "b") == ()


def test_only_who_waits_and_is_waited_for_is_looked_at(store: Store) -> None:
    store.add([("join", [numbers(1, 9)]), ("end", ["join"]), ("1", []), ("2", ["x"]), ("10", ["x"])])
    assert suspects(store.connection, store.job, ["1", "2", "10", "Join", "end"]) == ["2", "Join"]
    store.add([(f"t{one}", ["x", numbers(one, one)]) for one in range(-100, -90)])
    assert suspects(store.connection, store.job, ["2", "10"]) == ["2"]


def test_bounds_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add([("a", ["b", "c", "d"]), ("b", ["a"]), ("c", ["y"]), ("d", ["y"])])
    assert circle(store.connection, store.job, "a") == ("a", "b")
    monkeypatch.setattr(circles, "WORDS", 2)
    monkeypatch.setattr(circles, "BEFORE", 0)
    assert circle(store.connection, store.job, "a") == ()


def test_the_width_of_a_range_costs_nothing(store: Store, connection: sa.Connection) -> None:
    if connection.dialect.name != "sqlite":
        pytest.skip("work is counted in steps of SQLite")
    store.add([(str(one), [numbers(501, 600)]) for one in range(1, 501)])
    store.add([("few", [numbers(400, 500)]), ("all", [numbers(-(2**31), LAST)])])
    store.add([("begin", ["few"]), ("begin-all", ["all"])])
    costs = {
        name: work(connection, lambda name=name: circle(connection, store.job, name))
        for name in ("few", "all")
    }
    assert costs["all"] <= 2 * costs["few"]


def work(connection: sa.Connection, ask: Callable[[], Any]) -> int:
    """Hundreds of steps of SQLite's machine."""
    ask()
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    count = itertools.count()
    driver.set_progress_handler(lambda: next(count) and None, 100)
    ask()
    driver.set_progress_handler(None, 0)
    return next(count)
