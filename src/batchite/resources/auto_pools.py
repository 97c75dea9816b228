"""Pools that are made for jobs: what they are called, what they are, and how a job ends that cannot have its
own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from batchite.resources.applications import Reference
from batchite.wire.batch import outcome
from batchite.wire.batch.models.enums import BatchJobState
from batchite.wire.batch.models.jobs import BatchAutoPoolSpecification
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.outcome import Failure

TAKEN = Failure(
    "usererror",
    "InvalidAutoPoolSettings",
    "The account has a pool of the id that was chosen for the job's. Add the job again, under another id.",
)


@dataclass(frozen=True, slots=True)
class NewPool:
    """A pool as it is added with the job that it is made for."""

    row: Mapping[str, Any]
    """its columns, but for the job's number"""
    scaling: Mapping[str, Any] | None = None
    """columns of its autoscale"""
    packages: Sequence[Reference] = ()
    """of applications, that its nodes are given"""
    failure: Failure | None = None
    """why it cannot be made, as far as the store need not be asked"""
    is_shared: bool = False
    """it is the job schedule's, which the row names, and stays when the job is over"""


def pool_id(auto: BatchAutoPoolSpecification, unique: UUID) -> str:
    """What the pool is called: the prefix, and what no other pool has."""
    return f"{auto.auto_pool_id_prefix or ''}{str(unique).upper()}"


def pool(auto: BatchAutoPoolSpecification, id: str) -> BatchPoolCreateOptions:
    """The pool to be made; the specification is accepted."""
    if not auto.pool:
        raise ValueError("the auto pool has not been validated")
    return BatchPoolCreateOptions(id=id, **asdict(auto.pool))


def unreadable(why: str) -> Failure:
    """The pool has a formula that says nothing."""
    message = f"{why.removesuffix('.')}. It is that of the job's own pool: mend it and add the job again."
    return Failure("usererror", "InvalidAutoScaleFormulaInAutoPool", message)


def without_packages(why: str) -> Failure:
    """The pool refers to packages that are not there."""
    message = f"{why}. It is that of the job's own pool: mend it and add the job again."
    return Failure("usererror", "InvalidApplicationPackageReferencesInAutoPool", message)


def unscheduled(failure: Failure, now: int) -> dict[str, Any]:
    """Columns of a job that was active for no more than a moment, since there is no pool for it."""
    return {
        "state": BatchJobState.COMPLETED.value,
        "previous_state": BatchJobState.ACTIVE.value,
        "previous_state_time": now,
        "state_time": now,
        "ended": now,
        "scheduling_error": msgspec.json.encode(outcome.shown(failure)),
    }
