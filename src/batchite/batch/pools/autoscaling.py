"""What can be done with the autoscale of pools: a formula for their size, another one, none, and its log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from batchite.batch import changing
from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.pools.refusing import REFUSALS
from batchite.batch.services import Services
from batchite.resources.autoscaling import Scaling, begun
from batchite.resources.autoscaling import changed as changed_columns
from batchite.resources.evaluations import AutoScaleEvaluation
from batchite.resources.pools import PoolRow
from batchite.scheduling.autoscale.errors import FormulaSyntaxError, FormulaTooLongError
from batchite.scheduling.autoscale.evaluation import Formula
from batchite.store.batch import autoscaling, pools, schema
from batchite.store.batch.recording import Changed
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError, missing_property
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, BatchPoolEnableAutoScaleOptions
from batchite.wire.batch.validation.autoscaling import INTERVAL
from batchite.wire.ticks import Duration


def least_interval(services: Services) -> Duration:
    """That has to lie between evaluations of a formula."""
    return Duration.of(seconds=services.fidelity.autoscale_interval)


def period(services: Services) -> Duration:
    """From one sample to the next."""
    return Duration.of(seconds=services.fidelity.autoscale_sample)


def check(formula: str) -> None:
    """Raises BatchError if it cannot be read, or names what there is not."""
    try:
        Formula.parse(formula)
    except FormulaTooLongError as error:
        raise BatchError("AutoScaleFormulaTooLong", error.message) from None
    except FormulaSyntaxError as error:
        raise BatchError("AutoScalingFormulaSyntaxError", str(error), (("Message", str(error)),)) from None


def of_new(acting: Acting, pool: BatchPoolCreateOptions) -> dict[str, Any] | None:
    """Columns of the autoscale of a pool to be added; None if it has none. Raises BatchError."""
    if not pool.enable_auto_scale or not isinstance(pool.auto_scale_formula, str):
        return None
    check(pool.auto_scale_formula)
    scaling = Scaling(pool.auto_scale_formula, pool.auto_scale_evaluation_interval or INTERVAL)
    return begun(scaling, acting.now, period(acting.services))


async def enable(
    acting: Acting, pool_id: str, wanted: BatchPoolEnableAutoScaleOptions, conditions: Conditions
) -> Changed:
    """Have the pool scaled by a formula, or by another one, or at another interval. Raises BatchError."""
    if isinstance(wanted.auto_scale_formula, str):
        check(wanted.auto_scale_formula)
    services, now = acting.services, acting.now

    def make(connection: sa.Connection) -> Changed | None:
        found = active(connection, acting, pool_id, to_change=True)
        scaling = _scaling(found, wanted)
        _check_steady(found)
        _check_pause(found, now, services.fidelity.autoscale_pause)
        columns = schema.pools.c
        condition = sa.and_(
            conditions.clause(columns.modified),
            columns.allocation_state == found.allocation_state,
            columns.auto_scale == found.auto_scale,
        )
        changed = pools.change(
            connection, acting.account, pool_id, ("active",), now, {"auto_scale": True}, condition
        )
        if changed is not None:
            if found.auto_scale:
                is_anew = bool(wanted.auto_scale_evaluation_interval)
                autoscaling.change(connection, changed.number, changed_columns(scaling, now, is_anew))
            else:
                autoscaling.enable(connection, changed.number, begun(scaling, now, period(services)))
        return changed

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


async def disable(acting: Acting, pool_id: str) -> Changed:
    """Have the pool keep the size that it has. Raises BatchError."""

    def make(connection: sa.Connection) -> Changed | None:
        found = active(connection, acting, pool_id, to_change=True)
        autoscaling.forget_samples(connection, found.pool_no)
        return pools.change(
            connection, acting.account, pool_id, ("active",), acting.now, {"auto_scale": False}, sa.true()
        )

    def why_not(connection: sa.Connection) -> BatchError:
        return REFUSALS.of(pools.find(connection, acting.account, pool_id))

    return await changing.change(acting, make, why_not)


async def log(acting: Acting, pool_id: str, most: int) -> tuple[str, Sequence[AutoScaleEvaluation]]:
    """The pool's id, and what became of its formula the last times, the newest first. Raises BatchError."""

    def query(connection: sa.Connection) -> tuple[str, Sequence[bytes]]:
        found = pools.find(connection, acting.account, pool_id)
        if found is None:
            raise REFUSALS.of(None)
        return found.id, autoscaling.log(connection, found.pool_no, most)

    name, entries = await acting.read(query)
    return name, [codec.decode(entry, AutoScaleEvaluation) for entry in entries]


def active(connection: sa.Connection, acting: Acting, pool_id: str, *, to_change: bool = False) -> PoolRow:
    """The pool, if it is not being deleted. Raises BatchError."""
    found = pools.find(connection, acting.account, pool_id, to_change=to_change)
    if found is None or found.state != "active":
        raise REFUSALS.of(found)
    return found


def _scaling(found: PoolRow, wanted: BatchPoolEnableAutoScaleOptions) -> Scaling:
    """What is wanted, and the rest as it is."""
    formula, interval = wanted.auto_scale_formula, wanted.auto_scale_evaluation_interval
    if found.auto_scale and found.formula is not None:
        return Scaling(formula or found.formula, interval or Duration(found.interval_ticks or 0))
    if not formula:
        raise missing_property("autoScaleFormula")
    return Scaling(formula, interval or INTERVAL)


def _check_steady(found: PoolRow) -> None:
    if found.allocation_state != "steady":
        raise BatchError(
            "PoolBeingResized",
            f"Its allocationState is {found.allocation_state}: wait until it is steady.",
            (("AllocationState", found.allocation_state),),
        )


def _check_pause(found: PoolRow, now: int, seconds: float) -> None:
    if found.enabled is None:
        return
    left = found.enabled + Duration.of(seconds=seconds).ticks - now
    if left > 0:
        detail = f"Send the request again in {math.ceil(Duration(left).seconds)} seconds."
        raise BatchError("TooManyEnableAutoScaleRequests", detail)
