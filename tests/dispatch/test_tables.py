"""Nothing that is told an owner is left without somebody who sees to it."""

from __future__ import annotations

from typing import get_args

from batchite.dispatch.events import EVENTS
from batchite.dispatch.inputs import DUE
from batchite.scheduling.decisions import DueKind
from batchite.store.batch.events import Kind


def test_every_kind_of_event_is_read_and_decided_about() -> None:
    assert set(EVENTS) == set(get_args(Kind))


def test_every_time_that_is_set_is_heard_of() -> None:
    assert set(DUE) == set(get_args(DueKind))
