"""Tasks that depend on each other, in any order of what happens to them, beside a model that knows it all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dispatch.depending import NOW, Both, Step, Store, jobs, steps
from tests.dispatch.support import ACCOUNT, SHARD

from batchite.dispatch import committer
from batchite.resources import dependencies as words
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.tasks import Releasing, Removed
from batchite.scheduling.room import Limits
from batchite.store.batch import events, execution, releasing, schema
from batchite.store.database import create_engine


@pytest.fixture
def connection(batch_url: str) -> Iterator[sa.Connection]:
    engine = create_engine(batch_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("examples", [40, pytest.param(300, marks=pytest.mark.endurance)])
def test_a_task_waits_as_long_as_something_of_what_it_depends_on_is_not_satisfied(
    connection: sa.Connection, examples: int
) -> None:
    @settings(max_examples=examples)
    @given(st.lists(steps, max_size=25), st.integers(1, 3))
    def compare(happens: list[Step], most: int) -> None:
        both = Both(connection)
        store = both.store
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(releasing, "MOST", most)
            for kind, what in happens:
                getattr(both, kind)(what)
                assert store.states == both.model.states
                store.check_counts()
        store.check_stretches(both.model.numbers)
        while not execution.purge_job(connection, store.job, NOW, 3):
            pass
        for table in (schema.satisfied_numbers, schema.satisfied_ids, schema.awaited_ranges, schema.releases):
            assert not connection.execute(sa.select(table).where(table.c.job_no == store.job)).all()

    compare()


@pytest.mark.parametrize("gone", ["parent", "3"])
def test_a_task_that_takes_the_id_of_a_satisfied_one_that_is_gone_is_waited_for(
    connection: sa.Connection, gone: str
) -> None:
    store = Store(connection, next(jobs))
    store.add([(gone, []), ("2", []), ("4", [])])
    store.end([(gone, True), ("2", True), ("4", True)])
    store.delete(gone)
    wanted = [words.Range(2, 4).word] if gone == "3" else [gone]
    store.add([("at-once", wanted)])
    store.add([(gone, []), ("later", wanted)])
    assert (store.row("at-once").state, store.row("later").state) == ("active", "blocked")
    assert store.end([(gone, True)]) == ["later"]


def test_a_wide_range_costs_no_more_than_a_narrow_one(connection: sa.Connection) -> None:
    """One row for all who wait for it, and one stretch for all that are satisfied."""
    store = Store(connection, next(jobs))
    last = 2**31 - 1
    store.add([("all", [words.Range(-(2**31), last).word]), ("few", [words.Range(1, 5).word])])
    store.add([(str(one), [words.Range(1, 5).word]) for one in range(1000, 1050)])
    query = sa.select(sa.func.count()).select_from(schema.awaited_ranges)
    of_job = query.where(schema.awaited_ranges.c.job_no == store.job)
    assert connection.execute(of_job).scalar_one() == 2
    store.add([(str(one), []) for one in range(1, 6)])
    assert store.end([(str(one), True) for one in range(1, 5)]) == []
    assert len(store.end([("5", True)])) == 51
    store.check_stretches({1, 2, 3, 4, 5})


def test_many_that_waited_for_one_are_released_in_portions(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is in the store, so whoever owns the shard next goes on."""
    monkeypatch.setattr(releasing, "MOST", 20)
    store = Store(connection, next(jobs))
    store.add([("parent", []), *((f"t{one}", ["parent"]) for one in range(50))])
    changes = Changes(completed=[store.completed("parent", True)])
    _, found = committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, changes, NOW)
    assert (len(found.tasks), found.more) == (20, True)
    assert list(store.states.values()).count("blocked") == 30
    released = store.commit(Changes(releasing={store.job: Releasing(store.job)}))
    assert len(released) == 30
    assert len({*released, *(task.id for task in found.tasks)}) == 50


def test_large_definitions_make_portions_smaller(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "MOST_BYTES", 5)
    store = Store(connection, next(jobs))
    store.add([("parent", []), *((f"t{one}", ["parent"]) for one in range(10))])
    released = store.end([("parent", True)])
    assert sorted(released) == sorted(f"t{one}" for one in range(10))


def test_what_is_left_is_not_released_by_a_task_whose_id_another_has_taken(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "MOST", 2)
    store = Store(connection, next(jobs))
    store.add([("parent", []), *((f"t{one}", ["parent"]) for one in range(4))])
    changes = Changes(completed=[store.completed("parent", True)])
    committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, changes, NOW)
    gone = store.row("parent")
    named = gone.task_no, store.job, gone.required_slots, gone.id, "job"
    changes = Changes(removed=[Removed(*named, "succeeded")])
    committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, changes, NOW)
    store.add([("parent", [])])
    events.consume(connection, [one.sequence for one in events.of_shard(connection, SHARD, 1000)])
    assert store.commit(Changes(releasing={store.job: Releasing(store.job)})) == []
    assert len(store.end([("parent", True)])) == 2
