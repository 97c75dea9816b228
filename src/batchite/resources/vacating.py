"""What a node is to take no more tasks for, and what becomes of those that it has: one value for whoever
wants it, stores it and goes by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Purpose = Literal["remove", "reboot", "reimage", "deallocate", "disable", "preempt"]
Option = Literal["requeue", "terminate", "taskcompletion", "retaineddata"]
"""As the API has it. Tasks are ended, and wait again or are completed; or they run to their end; or the node
waits besides until nobody may want their files any more. The first is the default of all operations."""

ENDING: Final = ("requeue", "terminate")
"""The options by which a node has its tasks ended rather than wait for them."""


@dataclass(frozen=True, slots=True)
class Vacating:
    """`disable` has no option `retaineddata`, and `preempt` none but `requeue`."""

    purpose: Purpose
    option: Option = "requeue"

    @property
    def ends_tasks(self) -> bool:
        return self.option in ENDING


PREEMPTED: Final = Vacating("preempt")
HALTING: Final[tuple[Purpose, ...]] = ("reboot", "reimage", "deallocate", "preempt")
"""What ends the node, which stays in the pool."""
REMOVED: Final = Vacating("remove")
"""How nodes go with their pool, and what a stored node that leaves its pool does unless its row says else."""


def of_stored(state: str, purpose: str | None, option: str | None) -> Vacating | None:
    """By the columns of a node."""
    if purpose is None:
        return REMOVED if state == "leavingpool" else None
    return Vacating(purpose, option or "requeue")  # type: ignore[arg-type]
