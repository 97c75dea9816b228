"""Pools whose size goes by a formula: samples of what it looks at, and its turns.

Both are due at times that the store keeps, and what follows from a turn is written in one commit with it:
the next turn, what the formula has come to, and the resize that it wants, of which the owner then learns by
an event as it does of those that clients want. So no turn is taken twice, whatever is killed when.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from batchite.link.messages import UseMeasured
from batchite.resources.evaluations import AutoScaleEvaluation, What
from batchite.scheduling import sampling
from batchite.scheduling.autoscale import turns
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.autoscale.turns import Evaluated
from batchite.scheduling.changes.pools import FormulaTurned, Sampled
from batchite.scheduling.changes.times import DueCleared, DueKind, DueSet
from batchite.scheduling.decisions import Decisions, ReadFormula
from batchite.scheduling.effects import MeasureNode
from batchite.scheduling.state import Measured, NodeState, PoolState, Scaling, ShardState
from batchite.wire.batch.models.pools import AutoScaleRun
from batchite.wire.ticks import TICKS_PER_DAY, TICKS_PER_SECOND, Timestamp

DUE: Final[tuple[DueKind, ...]] = ("autoscale-sample", "autoscale-evaluation")
HISTORY = TICKS_PER_DAY
"""How far formulas look back: older samples are not kept."""


def schedule(pool: PoolState, decisions: Decisions) -> None:
    """The pool was added or changed, or its owner begins."""
    scaling = pool.scaling
    if scaling is None or pool.state != "active":
        return
    decisions.changes.due_set.append(DueSet("autoscale-sample", pool.number, scaling.sample_at))
    decisions.changes.due_set.append(DueSet("autoscale-evaluation", pool.number, scaling.evaluate_at))


def stop(number: int, decisions: Decisions) -> None:
    """The pool is no more."""
    for kind in DUE:
        decisions.changes.due_cleared.append(DueCleared(kind, number))


def on_sample_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """Take a sample, and ask nodes what the next one is to tell of them."""
    found = _scaled(state, number)
    if found is None:
        decisions.changes.due_cleared.append(DueCleared("autoscale-sample", number))
        return
    pool, scaling = found
    if at < scaling.sample_at:
        return
    after = _following(scaling.sample_at, state.sample_period, at)
    decisions.changes.sampled.append(Sampled(number, at, after, sampling.measured(state, pool, at)))
    decisions.changes.due_set.append(DueSet("autoscale-sample", number, after))
    state.pool = replace(pool, scaling=scaling._replace(sample_at=after))
    for node in state.nodes.values():
        if node.connected:
            decisions.effects.append(MeasureNode(node.id))


def on_node_measured(state: ShardState, node: NodeState, use: UseMeasured, at: int) -> None:
    """The node's agent says what it uses."""
    pool = state.pool
    if pool is None or pool.scaling is None:
        return
    load = _load(node.measured, use.processor_seconds, at, pool.node_cores)
    told = at, use.processor_seconds, load, use.memory, use.disk, use.counters
    ran = sampling.ran(node, at)
    node.measured = Measured(*told, sampling.grown(node.measured, use.counters, ran), ran)


def on_evaluation_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """It is the formula's turn, unless the pool is still coming to another size."""
    found = _scaled(state, number)
    if found is None:
        decisions.changes.due_cleared.append(DueCleared("autoscale-evaluation", number))
        return
    if at >= found[1].evaluate_at:
        decisions.reads.append(ReadFormula(number))


def on_formula_evaluated(state: ShardState, evaluated: Evaluated) -> None:
    state.evaluated = evaluated


def proceed(state: ShardState, at: int, decisions: Decisions) -> None:
    """Decide what follows from what the formula has come to."""
    evaluated, state.evaluated = state.evaluated, None
    found = None if evaluated is None else _scaled(state, evaluated.pool)
    if evaluated is None or found is None:
        return
    pool, scaling = found
    if at < scaling.evaluate_at:
        return
    if pool.allocation_state != "steady":
        why = f"The pool is {pool.allocation_state}; its formula has a turn while it is steady."
        turn = _Turn(None, turns.skipped(evaluated, Timestamp(at), why), None)
    else:
        what, why, targets = _decided(pool, evaluated)
        turn = _Turn(evaluated.run, turns.entry(evaluated, what, why), targets)
    after = _following(scaling.evaluate_at, scaling.interval, at)
    decisions.changes.formula_turned.append(FormulaTurned(pool.number, at, scaling.evaluate_at, after, *turn))
    decisions.changes.due_set.append(DueSet("autoscale-evaluation", pool.number, after))
    state.pool = replace(pool, scaling=scaling._replace(evaluate_at=after))


class _Turn(NamedTuple):
    run: AutoScaleRun | None
    entry: AutoScaleEvaluation
    targets: Targets | None


def _decided(pool: PoolState, evaluated: Evaluated) -> tuple[What, str, Targets | None]:
    if evaluated.outcome.error is not None:
        return "failed", "The pool stays as it is.", None
    targets = evaluated.outcome.targets
    present = _size(pool)
    if (targets.dedicated, targets.low_priority) == present:
        return "unchanged", "The pool has the size that the formula asks for.", None
    obstacle = ""
    if evaluated.obstacles:
        codes = ", ".join(evaluated.obstacles)
        obstacle = f" The resize before ended with {codes}, and may do so again."
    return "resized", f"From {present[0]} dedicated and {present[1]} low-priority nodes.{obstacle}", targets


def _size(pool: PoolState) -> tuple[int, int]:
    """How many nodes it is to have now, which are others than its targets where its last resize ended
    otherwise than it was to."""
    return (
        pool.target_dedicated if pool.kept_dedicated is None else pool.kept_dedicated,
        pool.target_low_priority if pool.kept_low_priority is None else pool.kept_low_priority,
    )


def _scaled(state: ShardState, number: int) -> tuple[PoolState, Scaling] | None:
    pool = state.pool
    if pool is None or pool.number != number or pool.state != "active" or pool.scaling is None:
        return None
    return pool, pool.scaling


def _following(at: int, interval: int, now: int) -> int:
    """The next of the times that come regularly, of which some may have been missed."""
    step = max(interval, 1)
    return at + step * ((now - at) // step + 1)


def _load(before: Measured | None, seconds: float | None, at: int, cores: int) -> float | None:
    if before is None or before.processor_seconds is None or seconds is None or at <= before.at:
        return None
    used = seconds - before.processor_seconds
    possible = (at - before.at) / TICKS_PER_SECOND * cores
    return None if used < 0 else min(used / possible * 100.0, 100.0)  # less: it has booted since
