"""In which order tasks of a job go: by rank, the lower, the earlier, and of one rank in the order they were
added.

All have the same rank but managers, and where an operator has named a variable of tasks that is their
priority. A rank is stored with the task, so another name holds for what is added from then on.
"""

from __future__ import annotations

from typing import Final

USUAL: Final = 0
OF_MANAGER: Final = -10_000
"""Before every priority that tasks may have."""


def of_priority(priority: int) -> int:
    """Tasks of higher priority go first."""
    return -priority
