"""Changes of pools: their size, and the formulas that they are scaled by."""

from __future__ import annotations

import msgspec

from batchite.resources.evaluations import AutoScaleEvaluation
from batchite.resources.rules import Ports
from batchite.scheduling.autoscale.targets import Targets
from batchite.wire.batch.models.pools import AutoScaleRun
from batchite.wire.batch.outcome import Failure


class NodesWanted(msgspec.Struct, frozen=True):
    """Add nodes as far as there is room, perhaps a portion of them; answered by `on_nodes_added` and
    `on_nodes_allocated`. None are added to a pool that has been changed since `modified`: they would be as
    it was."""

    pool: int
    dedicated: bool
    count: int
    cores: int
    pool_id: str
    modified: int
    ports: tuple[Ports, ...] = ()
    """of which each node is to have one"""


class ResizeEnded(msgspec.Struct, frozen=True):
    """The pool is steady; errors, if it has not as many nodes as wanted, and keeps those that it has."""

    pool: int
    at: int
    kept_dedicated: int | None = None
    kept_low_priority: int | None = None
    errors: tuple[Failure, ...] = ()


class Sampled(msgspec.Struct, frozen=True):
    """What an autoscale formula looks at later, but for what only the store counts."""

    pool: int
    at: int
    next: int
    """when the next sample is taken"""
    measured: dict[str, float]


class FormulaTurned(msgspec.Struct, frozen=True):
    """A pool's formula has had its turn of `was`, unless autoscale is off by now, or its turns are others."""

    pool: int
    at: int
    was: int
    next: int
    run: AutoScaleRun | None
    """None: it was not evaluated"""
    entry: AutoScaleEvaluation
    targets: Targets | None
    """what the pool is to have instead of what it has"""


class TargetMet(msgspec.Struct, frozen=True):
    """A steady pool has come to its target after all: it has no errors of its resize any more."""

    pool: int


class PoolRemoved(msgspec.Struct, frozen=True):
    pool: int
