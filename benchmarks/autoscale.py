"""A long autoscale formula over a day of samples: read from the store, and evaluated."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from batchite.scheduling.autoscale import limits, variables
from batchite.scheduling.autoscale.evaluation import Formula, Surroundings
from batchite.scheduling.autoscale.grammar import read
from batchite.scheduling.autoscale.samples import Samples, stored
from batchite.scheduling.autoscale.targets import Targets
from batchite.store import migrating
from batchite.store.batch import autoscaling, schema
from batchite.store.database import create_engine
from batchite.wire.ticks import Duration, Timestamp
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

REPEATS = 20
EVERY = Duration.of(seconds=30)
A_DAY = 2880
NOW = Timestamp.parse("2026-01-30T12:00:05Z")
STATEMENTS = (
    "a{n} = avg($ActiveTasks.GetSample(day, 70));",
    "b{n} = $CPUPercent.GetSamplePercent(day) < 70 ? 1 : max($CPUPercent.GetSample(day));",
    "c{n} = $PendingTasks.GetSample(1) > 3 && avg($RunningTasks.GetSample(TimeInterval_Hour)) > 2 ? 1 : 0;",
    "d{n} = ceil(sum($PendingTaskSlots.GetSample(day)) / len($PendingTaskSlots.GetSample(day)));",
)


def formula() -> str:
    """As many statements as there may be, three of four of which look at the whole day."""
    numbers = range(limits.STATEMENTS - 2)
    body = "".join(STATEMENTS[n % len(STATEMENTS)].format(n=n) for n in numbers)
    return f"day = TimeInterval_Day; {body}$TargetDedicatedNodes = min(20, a0 + d3)"


def measure(_scale: Scale) -> Measured:
    text = formula()
    formula_ = Formula.parse(text)
    with tempfile.TemporaryDirectory() as directory:
        engine = create_engine(migrating.prepare(Path(directory) / "batch.db", "batch"))
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(sa.insert(schema.samples), _rows())
        with engine.connect() as connection:
            samples = Samples.of_stored(autoscaling.sampled(connection, 1), EVERY)
            from_store = _asked(lambda: Samples.of_stored(autoscaling.sampled(connection, 1), EVERY))
        engine.dispose()
    surroundings = Surroundings(NOW, samples, Targets(3, 0), 4, random.random)
    values = list(samples.series["$ActiveTasks"].values)
    looks = 98 * 3 // 4
    floor = _asked(lambda: [sum(values) for _ in range(looks)])
    name = f"{looks} × sum() of the day's samples"
    rows = [
        Row("long formula read, processor time", "ms", _asked(lambda: read(text)), name, floor, 20.0),
        Row(
            "long formula evaluated over a day of samples, processor time",
            "ms",
            _asked(lambda: formula_.evaluate(surroundings)),
            name,
            floor,
            20.0,
        ),
        Row("a day of samples from the store, processor time", "ms", from_store, name, floor, 50.0),
    ]
    remark = (
        f"A formula of {limits.STATEMENTS} statements and {len(text):,} characters, three of four of which "
        f"look at all of {A_DAY:,} samples of a variable; {REPEATS} repeats. Samples have all variables."
    )
    return Measured(rows, [remark])


def _rows() -> list[dict[str, object]]:
    dice = random.Random(1)  # noqa: S311
    return [
        {
            "pool_no": 1,
            "at": NOW.ticks - EVERY.ticks * back,
            "measured": stored({name: float(dice.randrange(100)) for name in variables.SAMPLED}),
        }
        for back in range(A_DAY)
    ]


def _asked(question: Callable[[], object]) -> list[float]:
    """Milliseconds of processor time of each."""
    taken = []
    for _ in range(REPEATS):
        began = time.thread_time()
        question()
        taken.append((time.thread_time() - began) * 1000)
    return taken
