"""Why something does not happen yet: plain values with the facts, each kind with a code of its own.

They say nothing in words and nothing of whom they are about, which whoever asks knows. Those of the
predicates are what placement goes by; a kind without facts is one value, so that asking costs nothing.
"""

from __future__ import annotations

import msgspec


class Reason(msgspec.Struct, frozen=True, tag_field="code", tag=True):
    """Its code is the name of its kind."""


# -- of a pool


class PoolMissing(Reason, frozen=True):
    """There is no pool of that id."""


# -- of a job


class JobDisabled(Reason, frozen=True):
    """No task of it starts until it is enabled."""


class JobEnding(Reason, frozen=True):
    """It is being terminated or deleted."""


class ParallelTasksReached(Reason, frozen=True):
    """It may have so many tasks on nodes at a time, and has them."""

    most: int


# -- of a node


class NodeCreating(Reason, frozen=True):
    """The engine has not begun it yet."""


class NodeStarting(Reason, frozen=True):
    """The engine has begun it, and its agent has not spoken yet."""


class NodeWaitsForStartTask(Reason, frozen=True):
    """The start task runs, or is to run again, and tasks wait until it has succeeded."""


class NodeStartTaskFailed(Reason, frozen=True):
    """The start task failed, and tasks were to wait for its success."""


class NodeLeaving(Reason, frozen=True):
    """It is being removed from the pool."""


class NodeGivenUp(Reason, frozen=True):
    """Its agent has said nothing for so long that it is being killed."""


class NodeOutOfContact(Reason, frozen=True):
    """Its agent has no link to the service at present."""


# -- of a task and a node


class NodeTooSmall(Reason, frozen=True):
    """The task takes more slots than the node has, free or not."""

    wanted: int
    slots: int


class SlotsTaken(Reason, frozen=True):
    """The node has fewer free slots than the task takes."""

    wanted: int
    free: int
