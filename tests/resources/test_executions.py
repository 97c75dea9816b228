"""What is shown of the course of a task."""

from types import SimpleNamespace
from typing import Any

import pytest

from batchite.resources.tasks import execution


def task(state: str, **values: Any) -> Any:
    names = ("started", "ended", "exit_code", "result", "failure", "last_retry", "last_requeue")
    counts = {"retry_count": 1, "requeue_count": 0}
    return SimpleNamespace(**{**dict.fromkeys(names), **counts, "state": state, **values})


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (task("active"), None),
        (task("active", last_retry=30), 30),
        (task("leased", last_retry=30), 30),
        (task("running", last_retry=30, started=40), 40),
        (task("completed", last_retry=30, started=40, ended=50), 40),
        (task("completed", last_retry=30, ended=50), 30),
        (task("running", last_retry=30, last_requeue=20, started=40), 40),
        (task("running", last_retry=30, last_requeue=35, started=40), 30),
        (task("running", last_requeue=35, started=40), None),
    ],
)
def test_a_retry_has_the_time_of_its_start(found: Any, shown: int | None) -> None:
    at = execution(found).last_retry_time
    assert (at.ticks if at else None) == shown
