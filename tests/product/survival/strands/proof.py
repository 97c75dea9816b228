"""What holds of every task that came to its end, however often it had to begin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final

from azure.batch import models as m
from tests.product.survival.house import House
from tests.product.survival.toll import Run

ENDED: Final = "TaskEnded"
SLACK: Final = timedelta(seconds=0.1)
"""Between the kernel's clock and the machine's."""


def check_once(
    house: House, task: m.BatchTask, runs: Sequence[Run], code: int, *, counted: bool = True
) -> None:
    """It is recorded once, as its last run ended, never ran twice at a time, and never after its end was
    recorded. It ran again only if its node went, or, where that is `counted`, as often as the record says."""
    info = task.execution_info
    assert task.state == "completed", task
    assert info is not None
    assert info.retry_count == 0, task
    again = repeated(house, runs)
    assert all(run.alone for run in runs), f"{task.id} ran twice at a time: {runs}"
    assert all(run.began <= info.end_time + SLACK for run in runs), f"{task.id} ran again: {task} {runs}"
    assert not counted or len(again) <= (info.requeue_count or 0), (task, runs)
    if not was_ended(task):
        assert runs, f"{task.id} never ran"
        assert task.node_info is not None
        assert (runs[-1].code, runs[-1].node) == (info.exit_code, task.node_info.node_id), (task, runs)
        assert info.exit_code == code, (task, runs)


def check_never_ran(task: m.BatchTask, runs: Sequence[Run]) -> None:
    assert (task.state, list(runs)) == ("active", []), task


def repeated(house: House, runs: Sequence[Run]) -> list[Run]:
    """Those that were followed by another one though their node was there."""
    return [run for run, following in pairwise(runs) if not house.has_lost(run, following)]


def was_ended(task: m.BatchTask) -> bool:
    """Before it came to its own end."""
    info = task.execution_info
    return info is not None and info.failure_info is not None and info.failure_info.code == ENDED
