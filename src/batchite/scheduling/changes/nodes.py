"""Changes of nodes: their states and boots, and what ran on them."""

from __future__ import annotations

from typing import Literal

import msgspec

from batchite.resources.rules import StartTaskRules
from batchite.resources.vacating import Option, Purpose
from batchite.scheduling.state import NodePhase, NodeState, ShardState
from batchite.wire.batch.outcome import MOST_SUMMED, Failure, Result, Used, result


class NodeMoved(msgspec.Struct, frozen=True):
    """A node of a pool is in another state from now on, or goes."""

    node: int
    id: str
    pool_id: str
    was: NodePhase
    at: int


def moved(state: ShardState, node: NodeState, at: int) -> tuple[int, str, str, NodePhase, int]:
    """What every change of a node's state begins with."""
    return node.number, node.id, "" if state.pool is None else state.pool.id, node.stored_phase, at


class NodeChanged(NodeMoved, frozen=True):
    """Nothing is changed where an operation has changed the state meanwhile."""

    phase: NodePhase


class NodeBooted(msgspec.Struct, frozen=True):
    node: int
    booted: int
    agent_version: str
    address: str
    """empty if its agent does not say it, as the next two"""
    tier: str
    image: str
    start_task: StartTaskRules | None
    """that it runs"""


class NodeVacating(msgspec.Struct, frozen=True):
    """What the node takes no more tasks for, from now on; nothing, if there is no purpose. Nothing is changed
    where an operation wants something else meanwhile than what was known."""

    node: int
    was: Purpose | None
    purpose: Purpose | None
    option: Option | None
    interrupted: Purpose | None
    interrupted_option: Option | None


class NodeReset(NodeMoved, frozen=True):
    """Nothing of it runs, and it is to boot anew, under its id."""

    phase: NodePhase


class NodeRested(NodeMoved, frozen=True):
    """Nothing of it runs, until it is to boot again."""

    phase: NodePhase
    failures: int
    """boots that have failed, one after the other"""
    errors: tuple[Failure, ...]
    """the node's, for clients"""


class NodeRemoved(NodeMoved, frozen=True):
    """With so many cores."""

    cores: int


class NodeCame(msgspec.Struct, frozen=True):
    """It is there to run something, from now on."""

    node: int
    at: int


class NodeWent(msgspec.Struct, frozen=True):
    """It is not there any more, whether or not it comes again."""

    node: int
    at: int


class CoresReturned(msgspec.Struct, frozen=True):
    """To the account, by nodes that were removed."""

    cores: int


class NodeTasks(msgspec.Struct):
    """Tasks that ended on the node in this batch, to be added to its totals, and what runs used there."""

    node: int
    ran: int = 0
    succeeded: int = 0
    cpu_time: int = 0
    blocks_read: int = 0
    blocks_written: int = 0
    peak_memory: int = 0

    def add(self, used: Used) -> None:
        self.cpu_time = min(self.cpu_time + used.user_time + used.kernel_time, MOST_SUMMED)
        self.blocks_read = min(self.blocks_read + used.blocks_read, MOST_SUMMED)
        self.blocks_written = min(self.blocks_written + used.blocks_written, MOST_SUMMED)
        self.peak_memory = max(self.peak_memory, used.peak_memory)


class StartTaskChanged(msgspec.Struct, frozen=True):
    """The node's `startTaskInfo`."""

    node: int
    attempt: int
    state: Literal["running", "completed"]
    retries: int
    last_retry: int | None
    started: int
    ended: int | None = None
    exit_code: int | None = None
    failure: Failure | None = None

    @property
    def result(self) -> Result | None:
        return result(self.exit_code, self.failure) if self.state == "completed" else None
