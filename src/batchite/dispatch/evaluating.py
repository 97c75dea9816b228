"""A pool's autoscale formula, evaluated over what the store has of the pool. That may take a while, so it is
done in a thread of the database."""

from __future__ import annotations

import random
from collections.abc import Sequence

import sqlalchemy as sa

from batchite.scheduling.autoscale import turns
from batchite.scheduling.autoscale.evaluation import Surroundings
from batchite.scheduling.autoscale.samples import Samples
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.autoscale.turns import Evaluated
from batchite.scheduling.state import ShardState
from batchite.store.batch import autoscaling
from batchite.wire.batch import codec
from batchite.wire.batch.models.pools import ResizeError
from batchite.wire.ticks import Duration, Timestamp


def evaluate(connection: sa.Connection, state: ShardState, now: Timestamp) -> Evaluated | None:
    """Of the shard's pool; None if its autoscale is off by now."""
    pool = state.pool
    found = None if pool is None else autoscaling.find(connection, pool.number)
    if pool is None or found is None:
        return None
    samples = Samples.of_stored(autoscaling.sampled(connection, pool.number), Duration(state.sample_period))
    targets = Targets(pool.target_dedicated, pool.target_low_priority)
    surroundings = Surroundings(now, samples, targets, pool.rules.slots_per_node, random.random)
    return turns.evaluated(pool.number, found.formula, surroundings, _obstacles(found.resize_errors))


def _obstacles(stored: bytes | None) -> Sequence[str]:
    errors = () if stored is None else codec.decode(stored, tuple[ResizeError, ...])
    return [error.code for error in errors if error.code]
