"""A job whose tasks depend on each other: as it is stored, and a model that knows it all."""

from __future__ import annotations

import itertools
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from tests.dispatch.support import ACCOUNT, SHARD

from batchite.dispatch import committer
from batchite.resources import dependencies as words
from batchite.resources.keys import folded
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.tasks import Completed, Releasing, Removed
from batchite.scheduling.room import Limits
from batchite.store.batch import events, releasing, schema, tasks
from batchite.wire.batch.outcome import Failure

NOW = 50
FAILED = Failure("usererror", "FailureExitCode", "")
IDS = ("a", "b", "C", "1", "01", "2", "3", "003", "4", "-1", "0")

Step = tuple[Any, ...]
ids = st.sampled_from(IDS)
bounds = st.integers(-2, 5)
ranges = st.builds(lambda a, b: words.Range(min(a, b), max(a, b)).word, bounds, bounds)
depends = st.lists(st.one_of(ids.map(folded), ranges), max_size=4, unique=True)
steps = st.one_of(
    st.tuples(st.just("add"), st.lists(st.tuples(ids, depends), min_size=1, max_size=4)),
    st.tuples(st.just("end"), st.lists(st.tuples(ids, st.booleans()), min_size=1, max_size=4)),
    st.tuples(st.just("delete"), ids),
)


class Model:
    """Looks at everything after every step."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[str, list[str]]] = {}
        """state and dependencies, by key"""
        self.satisfied: set[str] = set()
        self.numbers: set[int] = set()

    def is_satisfied(self, word: str) -> bool:
        wanted = words.range_of(word)
        if wanted is None:
            return word in self.satisfied
        return all(number in self.numbers for number in range(wanted.first, wanted.last + 1))

    def satisfy(self, key: str) -> None:
        self.satisfied.add(key)
        if (number := words.number(key)) is not None:
            self.numbers.add(number)

    def release(self) -> None:
        for key, (state, depends_on) in self.tasks.items():
            if state == "blocked" and all(map(self.is_satisfied, depends_on)):
                self.tasks[key] = "active", depends_on

    @property
    def states(self) -> dict[str, str]:
        return {key: state for key, (state, _) in self.tasks.items()}

    def of_number(self, number: int) -> set[str]:
        return {key for key in self.tasks if words.number(key) == number}

    def kept_by(self, key: str) -> set[str]:
        """Blocked tasks of which each alone keeps it."""
        needed: set[str] = set()
        for word in self.tasks[key][1]:
            wanted = words.range_of(word)
            if wanted is None:
                needed.add(word)
            else:
                missing = {*range(wanted.first, wanted.last + 1)} - self.numbers
                needed |= {one for n in missing if len(self.of_number(n)) == 1 for one in self.of_number(n)}
        return {one for one in needed if self.states.get(one) == "blocked"}

    def is_in_circle(self, key: str) -> bool:
        seen: set[str] = set()
        edge = {key}
        while edge:
            edge = {after for one in edge for after in self.kept_by(one)} - seen
            seen |= edge
        return key in seen


class Store:
    """A job of the database, changed as an owner and the API change it."""

    def __init__(self, connection: sa.Connection, job: int) -> None:
        self.connection = connection
        self.job = job
        row = {"job_no": job, "account": ACCOUNT, "key": f"j{job}", "id": f"j{job}", "shard": SHARD}
        times = dict.fromkeys(("state_time", "created", "modified", "started"), 1)
        connection.execute(
            sa.insert(schema.jobs), {**row, "pool_id": "pool", "definition": b"", "state": "active", **times}
        )

    def add(self, new: list[tuple[str, list[str]]]) -> None:
        times = dict.fromkeys(("state_time", "created", "modified"), 1)
        rows = [
            {
                "job_no": self.job,
                "key": folded(task_id),
                "id": task_id,
                "definition": b"{}",
                "required_slots": 1 + len(task_id),
                "state": "active",
                "dependencies": words.encode(depends_on),
                **times,
            }
            for task_id, depends_on in new
        ]
        assert tasks.add(self.connection, self.job, rows) is not None

    def end(self, ended: list[tuple[str, bool]]) -> list[str]:
        """The released ones."""
        changes = Changes()
        for key, satisfies in ended:
            changes.completed.append(self.completed(key, satisfies))
        return self.commit(changes)

    def completed(self, key: str, satisfies: bool) -> Completed:
        row = self.row(key)
        failure, code = (None, 0) if satisfies else (FAILED, 1)
        named = row.task_no, self.job, row.required_slots, row.id, "job"
        run: Any = "active", None, NOW, code, failure, "", None, None, None, 1
        return Completed(*named, *run, satisfies=satisfies)

    def delete(self, key: str) -> None:
        row = self.row(key)
        was = {"completed": "succeeded" if row.result == "success" else "failed"}.get(row.state, "active")
        gone = (row.task_no, self.job, row.required_slots, row.id, "job", was)
        self.commit(Changes(removed=[Removed(*gone, was_blocked=row.state == "blocked")]))

    def commit(self, changes: Changes) -> list[str]:
        """With all that follows, as events tell of it."""
        released: list[str] = []
        while True:
            _, found = committer.apply(self.connection, ACCOUNT, Limits(None, None), SHARD, changes, NOW)
            assert len(found.tasks) <= releasing.MOST
            released += [task.id for task in found.tasks]
            left = [one for one in events.of_shard(self.connection, SHARD, 1000) if one.kind == "dependants"]
            events.consume(self.connection, [one.sequence for one in left])
            assert found.more == bool(left)
            if not left:
                return released
            changes = Changes(releasing={one.subject: Releasing(one.subject) for one in left})

    def row(self, key: str) -> Any:
        found = tasks.find(self.connection, self.job, key)
        assert found is not None
        return found

    @property
    def states(self) -> dict[str, str]:
        rows = self.connection.execute(sa.select(schema.tasks).where(schema.tasks.c.job_no == self.job)).all()
        for row in rows:
            assert (row.awaits is not None) == (row.state == "blocked")
        return {row.key: row.state for row in rows}

    def check_counts(self) -> None:
        query = sa.select(schema.task_counts).where(schema.task_counts.c.job_no == self.job)
        rows = self.connection.execute(sa.select(schema.tasks).where(schema.tasks.c.job_no == self.job)).all()
        for counted in self.connection.execute(query):
            same = [row.state for row in rows if row.required_slots == counted.required_slots]
            assert counted.blocked == same.count("blocked")
            assert counted.active == same.count("blocked") + same.count("active")

    def check_stretches(self, numbers: set[int]) -> None:
        table = schema.satisfied_numbers
        query = (
            sa.select(table.c.first, table.c.last).where(table.c.job_no == self.job).order_by(table.c.first)
        )
        found = [tuple(row) for row in self.connection.execute(query)]
        assert {one for first, last in found for one in range(first, last + 1)} == numbers
        assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(found))


jobs = itertools.count(1)


class Both:
    """The model and the store go the same way. A task never takes the id of one that was satisfied and is
    gone; see below."""

    def __init__(self, connection: sa.Connection) -> None:
        self.model = Model()
        self.store = Store(connection, next(jobs))
        self._gone: set[str] = set()

    def add(self, new: list[tuple[str, list[str]]]) -> None:
        free = {folded(one): (one, depends_on) for one, depends_on in new}
        free = {key: one for key, one in free.items() if key not in {*self.model.tasks, *self._gone}}
        if free:
            self.store.add(list(free.values()))
            self.model.tasks |= {key: ("blocked", depends_on) for key, (_, depends_on) in free.items()}
            self.model.release()

    def end(self, wanted: list[tuple[str, bool]]) -> None:
        before = self.model.states
        ended = {folded(one): satisfies for one, satisfies in wanted if before.get(folded(one)) == "active"}
        for key, satisfies in ended.items():
            self.model.tasks[key] = "completed", []
            if satisfies:
                self.model.satisfy(key)
        self.model.release()
        after = self.model.states
        released = [key for key in after if (before[key], after[key]) == ("blocked", "active")]
        assert sorted(map(folded, self.store.end(list(ended.items())))) == sorted(released)

    def delete(self, task_id: str) -> None:
        if (key := folded(task_id)) in self.model.tasks:
            self.store.delete(key)
            del self.model.tasks[key]
            self._gone |= {key} & self.model.satisfied
