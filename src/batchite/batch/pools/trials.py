"""Formulas that are tried, which changes nothing: whether one can be read, what it would ask for now, and
what would keep the pool from it. And what there is for them to look back at."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.batch.pools.autoscaling import active, period
from batchite.batch.pools.refusing import REFUSALS
from batchite.resources.evaluations import SampledVariable
from batchite.resources.pools import PoolRow, definition
from batchite.resources.rules import of_stored_pool
from batchite.scheduling import room, sampling
from batchite.scheduling.autoscale import results, samples, turns
from batchite.scheduling.autoscale.errors import FormulaError, FormulaSyntaxError
from batchite.scheduling.autoscale.evaluation import Formula, Surroundings
from batchite.scheduling.autoscale.samples import Samples
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.room import Usage
from batchite.store.batch import autoscaling, inbound, pools, usage
from batchite.wire.batch import vm_sizes
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.pools import AutoScaleRun
from batchite.wire.ticks import Duration, Timestamp


@dataclass(frozen=True, slots=True)
class Mistake:
    """In a formula, line and column from 1 on; the sentence begins with them."""

    line: int
    column: int
    sentence: str

    @classmethod
    def of(cls, error: FormulaError) -> Mistake:
        return cls(*error.place, str(error))


@dataclass(frozen=True, slots=True)
class Trial:
    """What a formula has come to; with a mistake, the targets are those that the pool has."""

    run: AutoScaleRun
    dedicated: int
    low_priority: int
    variables: Sequence[tuple[str, str]]
    """the service's, then the formula's own, as the results have them"""
    mistake: Mistake | None
    seen: Sequence[SampledVariable]
    is_recorded: bool
    """whether it looked back at what was sampled, rather than at this moment alone"""
    obstacles: Sequence[str]
    """sentences that say why the pool would not come to those targets now"""


@dataclass(frozen=True, slots=True)
class History:
    """Samples by variable, the oldest first, each with its time in ticks; they are taken every so often."""

    every: Duration
    next_turn: Timestamp | None
    """of the pool's formula; None if it has none"""
    samples: Mapping[str, Sequence[tuple[int, float]]]


def mistake(formula: str) -> Mistake | None:
    """Why the formula cannot be read; None if it can."""
    try:
        Formula.parse(formula)
    except FormulaSyntaxError as error:
        return Mistake.of(error)
    return None


async def evaluate(acting: Acting, pool_id: str, formula: str, *, beforehand: bool = False) -> Trial:
    """What the formula would ask for now. Samples are taken only while autoscale is on: without, a formula is
    tried `beforehand`, over one sample that is taken for it, or not at all. Raises BatchError."""

    def query(connection: sa.Connection) -> Trial:
        found = active(connection, acting, pool_id)
        if not (found.auto_scale or beforehand):
            raise BatchError(
                "OperationNotValidOnPool",
                "Formulas are evaluated over what is sampled while autoscale is on. Enable it first "
                "(enableautoscale), or have one tried by batchite autoscale try.",
                (("EnableAutoScale", "false"),),
            )
        take = _samples if found.auto_scale else _sample_of_now
        surroundings = Surroundings(
            acting.moment,
            take(connection, acting, found),
            Targets(found.target_dedicated, found.target_low_priority),
            of_stored_pool(found).slots_per_node,
            random.random,
        )
        came_to = turns.evaluated(found.pool_no, formula, surroundings, ())
        outcome = came_to.outcome
        return Trial(
            came_to.run,
            outcome.targets.dedicated,
            outcome.targets.low_priority,
            results.pairs(outcome),
            None if outcome.error is None else Mistake.of(outcome.error),
            came_to.seen,
            found.auto_scale,
            list(_obstacles(connection, acting, found, outcome.targets)),
        )

    return await acting.read(query)


async def history(acting: Acting, pool_id: str, names: Collection[str], since: Timestamp) -> History:
    """Of these variables, after that moment. Raises BatchError."""

    def query(connection: sa.Connection) -> History:
        found = pools.find(connection, acting.account, pool_id)
        if found is None:
            raise REFUSALS.of(None)
        scaled = autoscaling.find(connection, found.pool_no)
        sampled = _samples(connection, acting, found, since.ticks)
        return History(
            sampled.every,
            None if scaled is None else Timestamp(scaled.evaluate_at),
            {
                name: list(zip(*series, strict=True))
                for name, series in sampled.series.items()
                if name in names
            },
        )

    return await acting.read(query)


def _samples(connection: sa.Connection, acting: Acting, pool: PoolRow, after: int = 0) -> Samples:
    rows = autoscaling.sampled(connection, pool.pool_no, after)
    return Samples.of_stored(rows, period(acting.services))


def _sample_of_now(connection: sa.Connection, acting: Acting, pool: PoolRow) -> Samples:
    """What nodes use is not among it: they would have to be asked."""
    state = acting.services.owner.look(connection, pool.shard)
    known = {} if state.pool is None else sampling.measured(state, state.pool, acting.now)
    counted = sampling.counted(autoscaling.counts(connection, pool.shard))
    return Samples.of_stored([(acting.now, samples.stored(known | counted))], period(acting.services))


def _obstacles(connection: sa.Connection, acting: Acting, pool: PoolRow, targets: Targets) -> Iterator[str]:
    if pool.allocation_state != "steady":
        yield f"The pool is {pool.allocation_state}: a formula has its turn while it is steady."
    size = vm_sizes.find(definition(pool).vm_size or "")
    target = targets.dedicated + targets.low_priority
    more = target - pool.current_dedicated - pool.current_low_priority
    if size is None or more <= 0:
        return
    ports = inbound.places(connection, of_stored_pool(pool).ports)
    taken = Usage(*usage.look(connection, acting.account), ports)
    _, refusal = room.grant(more, size.cores, taken, acting.services.owner.limits(acting.account))
    if refusal is not None:
        yield room.explain(refusal, size.cores, target).message
