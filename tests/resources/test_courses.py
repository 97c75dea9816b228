"""The course of a task: the steps it has come to, with the times between them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from batchite.resources.courses import Step, course
from batchite.wire.ticks import Duration, Timestamp


def task(state: str, **values: Any) -> Any:
    names = ("last_retry", "last_requeue", "assigned", "started", "staged", "ended")
    return SimpleNamespace(**{**dict.fromkeys(names), "state": state, "created": 10, **values})


def step(name: Any, at: int, since: int | None = None) -> Step:
    return Step(name, Timestamp(at), None if since is None else Duration(since))


def test_a_task_that_fetched_files_and_ended() -> None:
    done = task("completed", assigned=13, started=14, staged=20, ended=50)
    assert course(done) == [
        step("added", 10),
        step("assigned", 13, 3),
        step("started", 14, 1),
        step("staged", 20, 6),
        step("ended", 50, 30),
    ]


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (task("active"), ["added"]),
        (task("leased", assigned=13), ["added", "assigned"]),
        (task("running", assigned=13, started=14), ["added", "assigned", "started"]),
        (task("completed", started=14, ended=50), ["added", "started", "ended"]),  # of an earlier release
        (task("completed", ended=50), ["added", "ended"]),
        (task("active", last_requeue=30, last_retry=40), ["added", "requeued", "retried"]),
    ],
)
def test_what_is_not_known_or_has_not_come_is_left_out(found: Any, steps: list[str]) -> None:
    assert [each.step for each in course(found)] == steps
