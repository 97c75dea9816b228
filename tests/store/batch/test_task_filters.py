"""A list of tasks that is filtered has exactly those that a look at every task would find, in order, once."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.batch import former

from batchite.resources import states
from batchite.store.batch import filtering, schema, tasks
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.walking import Effort
from batchite.store.database import create_engine
from batchite.wire.batch.models import enums
from batchite.wire.batch.odata.fields import check, read
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith, Value
from batchite.wire.ticks import Timestamp

TASKS = 120
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
COLUMNS = {
    "id": "key",
    "stateTransitionTime": "state_time",
    "creationTime": "created",
    "lastModifiedTime": "modified",
    "lastModified": "modified",
    "executionInfo/startTime": "started",
    "executionInfo/endTime": "ended",
    "executionInfo/exitCode": "exit_code",
    "executionInfo/result": "result",
}
TIMES = [name for name in COLUMNS if name.endswith("Time") or name == "lastModified"]
AT_ONCE = (1000, Effort())
IN_PARTS = (20, Effort(few=0, slice=30, clock=lambda: 0.0))
SOME_AT_ONCE = (7, Effort(few=12, slice=10, clock=lambda: 0.0))
WITHOUT_TIME = (9, Effort(few=0, slice=25, patience=0.0))
"""So many on a page, and how much is looked at for it."""


def task(chance: random.Random, number: int) -> dict[str, Any]:
    """As tasks come about: one that is completed has a result, others neither that nor an exit code."""
    over = ("completed", "completed", "completed")
    state = chance.choice(("active", "active", "blocked", "leased", "running", *over))
    created = 100 + number // 3 + chance.randrange(4)
    started = created + chance.randrange(40) if state in ("running", "completed") else None
    if state == "completed" and chance.random() < 0.1:
        started = None
    ended = (started or created) + chance.randrange(40) if state == "completed" else None
    code = chance.choice((0, 0, 0, 0, 1, 1, 7, 137, -9, None)) if state == "completed" else None
    spoilt = code == 0 and chance.random() < 0.1
    result = None if state != "completed" else "success" if code == 0 and not spoilt else "failure"
    name = chance.choice(("Render", "encode", "a_b", "a-b", "Ünder"))
    return {
        "job_no": 2 if number % 11 == 0 else 1,
        "key": f"{name}-{number}".lower(),
        "id": f"{name}-{number}",
        "definition": b"{}",
        "required_slots": 1,
        "intent": "delete" if number % 23 == 0 else None,
        "state": state,
        "state_time": next(time for time in (ended, started, created + 5 * (number % 2)) if time is not None),
        "created": created,
        "modified": created if chance.random() < 0.8 else created + chance.randrange(60),
        "started": started,
        "ended": ended,
        "exit_code": code,
        "result": result,
    }


@pytest.fixture
def connection(batch_url: str) -> Iterator[sa.Connection]:
    engine = create_engine(batch_url)
    chance = random.Random(3)  # noqa: S311
    with engine.connect() as connection:
        job = former.present(schema.jobs, former.JOB)
        connection.execute(sa.insert(schema.jobs), [job | {"key": key, "id": key} for key in ("j", "k")])
        connection.execute(sa.insert(schema.tasks), [task(chance, number) for number in range(TASKS)])
        yield connection
    engine.dispose()


# -- the same once more, in plain words


def holds(row: Any, wanted: Expression) -> bool:
    match wanted:
        case And(parts):
            return all(holds(row, part) for part in parts)
        case Or(parts):
            return any(holds(row, part) for part in parts)
        case StartsWith(name, text):
            return bool(getattr(row, COLUMNS[name]).startswith(text.lower()))
        case Comparison("state", compared, literal):
            return bool((states.shown(row.state).value.lower() == literal) == (compared == "eq"))
        case Comparison(name, compared, literal):
            return compares(getattr(row, COLUMNS[name]), compared, literal)


def compares(value: Any, compared: str, literal: Value) -> bool:
    other: Any = literal.ticks if isinstance(literal, Timestamp) else literal
    other = other.lower() if isinstance(other, str) else other
    if compared in ("eq", "ne"):
        return bool((value == other) == (compared == "eq"))
    return value is not None and bool(OPERATORS[compared](value, other))


def expected(connection: sa.Connection, wanted: Expression) -> list[int]:
    rows = connection.execute(sa.select(schema.tasks).order_by(schema.tasks.c.task_no))
    return [row.task_no for row in rows if row.job_no == 1 and row.intent is None and holds(row, wanted)]


def pages(connection: sa.Connection, wanted: Expression, limit: int, effort: Effort) -> Iterator[Part[Any]]:
    condition, after = filtering.clause(wanted, filtering.TASKS), 0
    while True:
        asked = Wanted(limit, after, condition, expression=wanted, effort=effort)
        part = tasks.page(connection, 1, asked)
        yield part
        assert len(part.rows) <= limit
        if not part.more:
            return
        reached = part.rows[-1].task_no if part.reached is None else part.reached
        assert reached > after
        assert all(after < row.task_no <= reached for row in part.rows)
        after = reached


def found(connection: sa.Connection, wanted: Expression, limit: int, effort: Effort) -> list[int]:
    return [row.task_no for part in pages(connection, wanted, limit, effort) for row in part.rows]


def agrees(connection: sa.Connection, wanted: Expression, *ways: tuple[int, Effort]) -> None:
    rows = expected(connection, wanted)
    for limit, effort in ways:
        assert found(connection, wanted, limit, effort) == rows, (wanted, effort)


# -- every property, by every operator, for values that none, some and all tasks have


VALUES: dict[str, Sequence[Value]] = {
    "id": ("", "a_b-1", "render-1", "RENDER", "z"),
    "state": tuple(state.value.lower() for state in enums.BatchTaskState),
    "executionInfo/result": ("success", "failure"),
    "executionInfo/exitCode": (-10, 0, 1, 2, 137, 10**17),
    **dict.fromkeys(TIMES, tuple(Timestamp(ticks) for ticks in (0, 120, 150, 400))),
}
SINGLE = [
    Comparison(name, compared, value)  # type: ignore[arg-type]  # one of the operators
    for name, (field, _) in filtering.TASKS.properties.items()
    for compared in field.operators
    for value in VALUES[name]
] + [StartsWith("id", str(text)) for text in VALUES["id"]]


def test_every_property_by_every_operator(connection: sa.Connection) -> None:
    assert set(VALUES) == set(filtering.TASKS.properties)
    counts = set()
    for wanted in SINGLE:
        agrees(connection, wanted, AT_ONCE, IN_PARTS)
        counts.add(len(expected(connection, wanted)))
    assert min(counts) == 0
    assert max(counts) == len(expected(connection, StartsWith("id", "")))


@pytest.mark.parametrize(
    "text",
    [
        "state eq 'completed' and executionInfo/result eq 'failure'",
        "state eq 'running' and executionInfo/result eq 'failure'",
        "state eq 'completed' and state eq 'active'",
        "executionInfo/exitCode eq 1 and executionInfo/exitCode eq 7",
        "executionInfo/exitCode ne 0 and executionInfo/exitCode ne 137",
        "executionInfo/exitCode ne 0 and state eq 'completed'",
        "executionInfo/result ne 'success' and executionInfo/exitCode le 1",
        "state eq 'active' or state eq 'running' or startswith(id,'a_')",
        "(state eq 'active' or executionInfo/exitCode eq 1) and (startswith(id,'a') or startswith(id,'e'))",
        "startswith(id,'render') and state ne 'active' and executionInfo/exitCode gt 0",
    ],
)
def test_what_people_ask_for(connection: sa.Connection, text: str) -> None:
    ways = (AT_ONCE, IN_PARTS, SOME_AT_ONCE, WITHOUT_TIME)
    agrees(connection, read(text, filtering.TASKS.properties), *ways)


def test_a_filter_of_many_conjunctions(connection: sa.Connection) -> None:
    pair = "(state eq 'active' or executionInfo/exitCode eq 1 or startswith(id,'a'))"
    agrees(connection, read(" and ".join([pair] * 30), filtering.TASKS.properties), AT_ONCE, WITHOUT_TIME)


terms = st.sampled_from(SINGLE)
filters = st.recursive(
    terms,
    lambda part: st.one_of(
        st.lists(part, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=6,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(wanted=filters)
def test_any_filter(connection: sa.Connection, wanted: Expression) -> None:
    checked = check(wanted, filtering.TASKS.properties, "")
    agrees(connection, checked, AT_ONCE, IN_PARTS, SOME_AT_ONCE, WITHOUT_TIME)


# -- the time that a page may take


def test_a_page_ends_when_its_time_is_over(connection: sa.Connection) -> None:
    """It has what was found so far, and the next page goes on from there."""
    times = iter(range(1000))
    effort = Effort(few=0, slice=10, patience=2.5, clock=lambda: float(next(times)))
    wanted = Comparison("id", "ge", "render-999")
    first = next(pages(connection, wanted, 1000, effort))
    numbers = [row.task_no for row in connection.execute(sa.select(schema.tasks)) if row.job_no == 1]
    assert first.more
    assert first.reached == numbers[29]  # three slices: the clock said 1, 2 and then 3 seconds
    assert [row.task_no for row in first.rows] == [
        number for number in expected(connection, wanted) if number <= numbers[29]
    ]


def test_few_are_found_whatever_the_time(connection: sa.Connection) -> None:
    effort = Effort(few=50, slice=1, patience=0.0)
    for text in (
        "id eq 'render-7'",
        "startswith(id,'a_b-1')",
        "executionInfo/endTime gt DateTime'2030-01-01T00:00:00Z'",
    ):
        wanted = read(text, filtering.TASKS.properties)
        (only,) = pages(connection, wanted, 50, effort)
        assert [row.task_no for row in only.rows] == expected(connection, wanted)
