"""Job schedules that say everything that may be said of one, but for what is refused."""

from __future__ import annotations

from typing import Any, Final

from tests.batch.jobs.whole import OTHER_SPECIFICATION, PAST_SPECIFICATION, SPECIFICATION


def _schedule(specification: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "Whole",
        "displayName": "All of it \u2603",
        "schedule": {
            "doNotRunUntil": "2125-01-01T00:00:00Z",
            "doNotRunAfter": "2126-01-01T00:00:00.1234567Z",
            "startWindow": "PT5M",
            "recurrenceInterval": "P1D",
        },
        "jobSpecification": specification,
        "metadata": [{"name": "a", "value": "b"}, {"name": "a", "value": ""}],
    }


SCHEDULE: Final = _schedule(SPECIFICATION)
PAST_SCHEDULE: Final = _schedule(PAST_SPECIFICATION)
"""With what only older versions have."""
OTHER_SCHEDULE: Final = _schedule(OTHER_SPECIFICATION)
