"""Filters of a list of a million tasks: the first page by each property and operator, and by what is joined.

    python -m benchmarks.filters [TASKS] [postgresql+psycopg:///...]

prints each by itself; the second argument is the URL of an empty database to be used instead of a file.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from batchite.store import migrating
from batchite.store.batch import filtering, schema, tasks
from batchite.store.batch.pages import Part, Wanted
from batchite.store.database import create_engine
from batchite.wire.batch.odata.fields import read
from batchite.wire.ticks import Timestamp
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale
from benchmarks.searching import JOB

Clock = Callable[[], float]
REQUESTS: Final = 5
"""How often each question is asked."""
PAGE: Final = 100
GOAL: Final = 50.0
START: Final = 17_000_000_000_000_000
STEP: Final = 10_000
"""Ticks between two tasks, a millisecond."""
CODES: Final = (1, 2, 7, 137)
ADDITIONS: Final = 600
INDEXES: Final = (
    "tasks_by_creation",
    "tasks_by_moment",
    "tasks_by_result",
    "tasks_by_start",
    "tasks_failed_by_code",
    "tasks_failed_by_code_and_time",
    "tasks_modified",
    "tasks_retried",
)
"""Those that are there for filters and searches."""
COST: Final = (
    f"What the indexes cost a task that is added: {ADDITIONS} transactions of {PAGE} tasks with them and as "
    "many without, in turn. What a task takes from the request to the answer, `benchmarks.compare` tells."
)
DEFINITION: Final = (
    b'{"id":"render-00000000","commandLine":"/usr/bin/env true and some more words","x":1}' * 3
)


class Asked(NamedTuple):
    """`how_many`: none, few, half or all of the tasks pass the filter, or how many it is in words."""

    what: str
    how_many: str
    text: str


class Times(NamedTuple):
    milliseconds: list[float]
    rows: int
    pages: int
    """until the first that is not empty, or the end"""


def measure(scale: Scale) -> Measured:
    """The slowest operator of each property."""
    count = scale.searched_tasks
    slowest: dict[tuple[str, str], Times] = {}
    with database(count) as connection:
        floor = _taken(lambda: connection.execute(sa.select(schema.jobs)).all(), time.thread_time)
        for asked in questions(count):
            taken = times(connection, asked.text, time.thread_time)
            so_far = slowest.setdefault((asked.what, asked.how_many), taken)
            if statistics.median(taken.milliseconds) > statistics.median(so_far.milliseconds):
                slowest[asked.what, asked.how_many] = taken
    rows = [
        Row(
            f"processor time, {what}: {how_many}, {count:,} tasks",
            "ms",
            taken.milliseconds,
            "reading one job",
            floor,
            GOAL,
        )
        for (what, how_many), taken in slowest.items()
    ]
    cut = [f"{what}: {how_many}" for (what, how_many), taken in slowest.items() if taken.pages > 1]
    remark = (
        f"The first page of {PAGE} tasks, asked for {REQUESTS} times straight from the store of a database "
        "of its own; of each property the slowest operator. Six tasks in ten are over, one of ten of these "
        "failed, by four exit codes or none; a thousand run; the others wait. Time of the processor, which "
        "on a machine with nothing else to do is the time that passes: all is in memory."
    )
    ended = f"Where the first page was ended by the clock, with nothing on it: {'; '.join(cut) or 'nowhere'}."
    return Measured([*rows, _cost()], [remark, ended, COST])


def _cost() -> Row:
    """Of a task that is stored, with the indexes and without them, in turn."""
    with tempfile.TemporaryDirectory() as directory:
        engines = [
            create_engine(migrating.prepare(Path(directory) / name, "batch"))
            for name in ("with.db", "without.db")
        ]
        connections = [engine.connect() for engine in engines]
        for connection in connections:
            with connection.begin():
                connection.execute(sa.insert(schema.jobs), JOB)
                connection.execute(sa.insert(schema.shards), {"shard": JOB["shard"], "account": "a"})
        with connections[1].begin():
            for name in INDEXES:
                connections[1].exec_driver_sql(f"DROP INDEX {name}")
        taken: list[list[float]] = [[], []]
        for turn in range(ADDITIONS):
            added = [_added(turn * PAGE + number) for number in range(PAGE)]
            for side in (0, 1) if turn % 2 else (1, 0):
                began = time.thread_time()
                with connections[side].begin():
                    tasks.add(connections[side], 1, added)
                taken[side].append(1_000_000 * (time.thread_time() - began) / PAGE)
        for connection, engine in zip(connections, engines, strict=True):
            connection.close()
            engine.dispose()
    what = f"processor time, a task added, {PAGE} at once"
    return Row(what, "µs", taken[0], "without the indexes of filters", taken[1])


def _added(number: int) -> dict[str, Any]:
    """As requests add tasks, whose rows have no more."""
    names = (
        "job_no",
        "key",
        "id",
        "definition",
        "required_slots",
        "state",
        "state_time",
        "created",
        "modified",
    )
    row = _task(number, 1_000_000) | {"state": "active", "modified": START + number * STEP, "rules": None}
    return {name: row[name] for name in (*names, "rules")}


def questions(count: int) -> Iterator[Asked]:
    """What is asked, for a job of so many tasks."""
    yield from _single(count)
    yield from _joined(count)


def _single(count: int) -> Iterator[Asked]:
    before, after = _time(-10), _time(10 * count)
    over, last = 6 * count // 10, count - 1
    ends: Mapping[str, tuple[int, int, int]] = {  # the first, the middle, and the last
        "creationTime": (0, count // 2, last),
        "lastModified": (0, count // 2, last),
        "stateTransitionTime": (1, count // 2, last),
        "executionInfo/startTime": (0, over // 2, over + 999),
        "executionInfo/endTime": (1, over // 2, over),
    }
    for name, (first, middle, end) in ends.items():
        for operator, none, few, all_ in (
            ("gt", after, _time(end - 20), before),
            ("ge", after, _time(end - 20), before),
            ("lt", before, _time(first + 20), after),
            ("le", before, _time(first + 20), after),
            ("eq", after, _time(first), None),
            ("ne", None, None, after),
        ):
            for how_many, value in (("none", none), ("few", few), ("all", all_)):
                if value is not None:
                    yield Asked(name, how_many, f"{name} {operator} {value}")
        yield Asked(name, "half", f"{name} gt {_time(middle)}")
    for text in ("id eq 'none'", "id gt 'z'", "id lt 'a'", "id ge 'z'", "id le 'a'", "startswith(id,'x')"):
        yield Asked("id", "none", text)
    for text in (
        "id eq 'render-5'",
        "startswith(id,'render-77')",
        "id gt 'render-99999'",
        "id lt 'encode-10'",
    ):
        yield Asked("id", "few", text)
    for text in ("id ne 'x'", "id gt 'a'", "id ge 'a'", "id lt 'z'", "id le 'z'", "startswith(id,'')"):
        yield Asked("id", "all", text)
    yield Asked("id", "half", "startswith(id,'render-')")
    yield Asked("state", "none", "state eq 'preparing'")
    yield Asked("state", "few", "state eq 'running'")
    yield Asked("state", "half", "state eq 'completed'")
    yield Asked("state", "half", "state eq 'active'")
    yield Asked("state", "all", "state ne 'preparing'")
    for text in ("eq 99", "gt 137", "ge 200", "lt 0", "le -1"):
        yield Asked("executionInfo/exitCode", "none", f"executionInfo/exitCode {text}")
    for text in ("eq 137", "gt 7", "ge 137"):
        yield Asked("executionInfo/exitCode", "few", f"executionInfo/exitCode {text}")
    for text in ("ne 99", "eq 0", "le 137", "lt 200", "ge 0", "gt -1", "ne 0"):
        yield Asked("executionInfo/exitCode", "half or all", f"executionInfo/exitCode {text}")
    yield Asked("executionInfo/result", "few", "executionInfo/result eq 'failure'")
    for text in ("eq 'success'", "ne 'failure'", "ne 'success'"):
        yield Asked("executionInfo/result", "half or all", f"executionInfo/result {text}")


def _joined(count: int) -> Iterator[Asked]:
    """By what people join; `many, none together`: many pass each part, and none pass both."""
    over = 6 * count // 10
    failed, late, early = "executionInfo/result eq 'failure'", _time(over - 50), _time(over // 2)
    what = "state and result"
    yield Asked(what, "none", "state eq 'running' and executionInfo/result eq 'failure'")
    yield Asked(what, "few", f"state eq 'completed' and {failed}")
    yield Asked(what, "half", "state eq 'completed' and executionInfo/result eq 'success'")
    yield Asked(what, "all", "state ne 'preparing' and executionInfo/result ne 'failure'")
    what = "state and time"
    yield Asked(what, "none", f"state eq 'active' and creationTime gt {_time(10 * count)}")
    yield Asked(what, "many, none together", f"state eq 'active' and creationTime lt {early}")
    yield Asked(
        what, "many, none together", f"state eq 'completed' and stateTransitionTime gt {_time(over + 1000)}"
    )
    yield Asked(what, "few", f"state eq 'completed' and stateTransitionTime gt {late}")
    yield Asked(what, "few", f"state eq 'running' and executionInfo/startTime gt {early}")
    yield Asked(what, "half", f"state eq 'completed' and executionInfo/endTime gt {early}")
    yield Asked(what, "half", f"state eq 'active' and creationTime gt {early}")
    what = "id prefix and state"
    yield Asked(what, "none", "startswith(id,'x') and state eq 'active'")
    yield Asked(what, "few", "startswith(id,'render-') and state eq 'running'")
    yield Asked(what, "few", "startswith(id,'render-77') and state eq 'active'")
    yield Asked(what, "half", "startswith(id,'render-') and state eq 'completed'")
    yield Asked(what, "many, none together", "startswith(id,'late-') and state eq 'completed'")
    what = "exit code and time"
    yield Asked(what, "none", f"executionInfo/exitCode eq 99 and executionInfo/endTime gt {early}")
    yield Asked(what, "few", f"executionInfo/exitCode eq 7 and executionInfo/endTime gt {_time(over - 5000)}")
    yield Asked(what, "few", f"executionInfo/exitCode ne 0 and executionInfo/endTime gt {_time(over - 500)}")
    yield Asked(what, "half", f"executionInfo/exitCode eq 0 and executionInfo/endTime gt {early}")
    yield Asked(
        what, "many, none together", f"executionInfo/exitCode eq 137 and executionInfo/endTime lt {early}"
    )
    what = "result and time"
    yield Asked(what, "few", f"{failed} and executionInfo/endTime gt {_time(over - 200)}")
    yield Asked(what, "half", f"{failed} and executionInfo/endTime gt {early}")
    what = "either of two"
    yield Asked(what, "few", "state eq 'running' or executionInfo/exitCode eq 137")
    yield Asked(what, "half", f"({failed} or state eq 'active') and startswith(id,'render-')")


def _time(number: int) -> str:
    return f"DateTime'{Timestamp(START + number * STEP)}'"


def times(connection: sa.Connection, text: str, clock: Clock = time.monotonic) -> Times:
    wanted = read(text, filtering.TASKS.properties)
    condition = filtering.clause(wanted, filtering.TASKS)

    def page(after: int) -> Part[Any]:
        return tasks.page(connection, 1, Wanted(PAGE, after, condition, expression=wanted))

    taken = _taken(lambda: page(0), clock)
    part, pages = page(0), 1
    while part.more and not part.rows:
        part, pages = page(part.reached or 0), pages + 1
    return Times(taken, len(part.rows), pages)


def _taken(ask: Callable[[], object], clock: Clock) -> list[float]:
    """Milliseconds of each time."""
    taken = []
    for _ in range(REQUESTS):
        began = clock()
        ask()
        taken.append(1000 * (clock() - began))
    return taken


@contextmanager
def database(count: int, url: str = "") -> Iterator[sa.Connection]:
    """A new one, with a job of so many tasks."""
    with tempfile.TemporaryDirectory() as directory:
        if url:
            migrating.upgrade(url, "batch")
        engine = create_engine(url or migrating.prepare(Path(directory) / "batch.db", "batch"))
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(sa.insert(schema.jobs), JOB)
            for start in range(0, count, 10_000):
                some = range(start, min(start + 10_000, count))
                connection.execute(sa.insert(schema.tasks), [_task(number, count) for number in some])
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def _task(number: int, count: int) -> dict[str, Any]:
    """As a service leaves them that runs tasks in the order in which they were added; the last ones that
    failed did so by exit code 137, and the last that were added have other ids."""
    over = 6 * count // 10
    created = START + number * STEP
    name = (
        f"late-{number}" if number >= 8 * count // 10 else f"{'render' if number % 2 else 'encode'}-{number}"
    )
    row: dict[str, Any] = {
        "job_no": 1,
        "key": name,
        "id": name,
        "definition": DEFINITION,
        "required_slots": 1,
        "state": "active",
        "state_time": created,
        "created": created,
        "modified": created + STEP if number % 10_000 == 0 else created,
        "node_no": None,
        "node_id": None,
        "started": None,
        "ended": None,
        "exit_code": None,
        "result": None,
        "cause": None,
    }
    if number < over + 1000:
        row |= {"state": "running", "started": created, "node_no": number % 8, "node_id": f"tvm-{number % 8}"}
    if number < over:
        code: int | None = 0
        if number % 10 == 3:
            code = (
                None if number % 1000 == 3 else CODES[number // 10 % 3] if number < over - over // 10 else 137
            )
        row |= {
            "state": "completed",
            "ended": created + STEP,
            "state_time": created + STEP,
            "exit_code": code,
        }
        row |= {"result": "success" if code == 0 else "failure", "cause": None if code == 0 else f"c{code}"}
    return row


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with database(count, sys.argv[2] if len(sys.argv) > 2 else "") as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
        for asked in questions(count):
            taken = times(connection, asked.text)
            middle = statistics.median(taken.milliseconds)
            found = f"{middle:7.1f} ms {taken.rows:4} tasks, page {taken.pages:3}"
            print(f"{found}  {asked.how_many:20} {asked.text}")


if __name__ == "__main__":
    main()
