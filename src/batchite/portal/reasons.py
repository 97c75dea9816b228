"""Why something waits, in the sentences of the explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchite.batch.explaining import catalogue
from batchite.batch.explaining.actions import Explanation


@dataclass(frozen=True, slots=True)
class Reason:
    """`is_blocking`: it keeps the thing from going on."""

    sentence: str
    next_step: str
    is_blocking: bool


def of(found: Explanation) -> Sequence[Reason]:
    """What keeps it first."""
    return [
        Reason(catalogue.sentence(each), catalogue.next_step(each), each.blocking) for each in found.findings
    ]
