"""A node that this process answers for, and how long is waited before what failed with it is tried again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from batchite.dispatch.inputs import Input
from batchite.engines.base import Handle
from batchite.scheduling.state import ShardState

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

log = logging.getLogger(__name__)


class Target(Protocol):
    """The shard on whose behalf things happen."""

    name: str
    account: str
    state: ShardState

    def put(self, item: Input) -> None: ...

    def fence(self, connection: sa.Connection) -> None:
        """Raises LeaseLostError if the shard is another's."""
        ...


@dataclass(slots=True)
class HeldNode:
    """A node as engines and links know it."""

    number: int
    shard: Target
    engine: str | None
    """the name of the engine it is of; None before it is first to be started"""
    handle: Handle | None
    is_begun: bool
    """whether something of it may run"""
    is_leaving: bool = False
    is_halting: bool = False
    """being ended, to rest or to be started again"""
    is_let_go: bool = False
    """the shard is another's, who answers for it from now on"""
    failures: int = 0
    """of starting it, one after the other"""
    timer: asyncio.TimerHandle | None = None
    busy: asyncio.Task[None] | None = None
    """starting or stopping it"""

    @property
    def is_busy(self) -> bool:
        return self.busy is not None and not self.busy.done()

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def pause(failures: int) -> float:
    """Seconds until the next try, after so many that failed before the last."""
    doublings = min(failures, 10)
    return min(FIRST_PAUSE_SECONDS * float(1 << doublings), LONGEST_PAUSE_SECONDS)


def tell(what: str, node_id: str, error: Exception, failures: int, seconds: float) -> None:
    """Once of a node that fails again and again: `failures` have been before."""
    unexpected = None if isinstance(error, OSError) else error
    message = "node %s could not be %s: %s; it is tried again in %g s"
    level = logging.INFO if failures else logging.WARNING
    log.log(level, message, node_id, what, error, seconds, exc_info=unexpected)
