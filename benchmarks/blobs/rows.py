"""Rows that compare the Blob service with Azurite, and with what the machine allows."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.blobs import azurite, ours
from benchmarks.figures import Row

GOAL = 4.0
"""How many times better than Azurite."""
ON_DISK = {ours.NAME: "on disk: bytes and name", azurite.NAME: "on disk: bytes; name in memory"}
"""At the moment a put is answered."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Repeats of one measurement, by who was measured."""

    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, who: str, value: float) -> None:
        self.samples.setdefault(who, []).append(value)

    def rows(
        self, what: str, unit: str, *, put: bool = False, goal: bool = True, higher_is_better: bool = True
    ) -> list[Row]:
        """Ours beside each of the others, with the goal for Azurite unless there is none.

        Rows of a `put` say what is on disk when it is answered.
        """
        ratio = GOAL if higher_is_better else 1 / GOAL
        return [
            Row(
                f"{what} ({ON_DISK[ours.NAME]})" if put else what,
                unit,
                self.samples[ours.NAME],
                f"{who} ({ON_DISK[who]})" if put and who in ON_DISK else who,
                values,
                ratio if goal and who == azurite.NAME else None,
                goal_of_ratio=True,
                higher_is_better=higher_is_better,
            )
            for who, values in self.samples.items()
            if who != ours.NAME
        ]
