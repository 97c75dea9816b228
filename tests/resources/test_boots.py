"""The timeline of a node's last boot."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from batchite.resources.boots import Stage, timeline
from batchite.wire.ticks import Duration, Timestamp


def node(**values: Any) -> Any:
    names = ("boot_requested", "boot_begun", "boot_heard", "boot_ready", "start_task_state")
    of_start_task = ("start_task_start", "start_task_end", "start_task_exit_code", "start_task_info")
    empty = dict.fromkeys((*names, *of_start_task, "errors"))
    return SimpleNamespace(**{**empty, "start_task_attempt": 0, **values})


def stage(name: Any, at: int, since: int | None = None, error: str | None = None) -> Stage:
    return Stage(name, Timestamp(at), None if since is None else Duration(since), error)


def test_stages_come_in_the_order_of_their_times() -> None:
    ready = node(boot_requested=10, boot_begun=12, boot_heard=20, boot_ready=20)
    assert timeline(ready) == [
        stage("requested", 10),
        stage("allocated", 12, 2),
        stage("agentUp", 20, 8),
        stage("idle", 20, 0),
    ]


def test_a_start_task_that_failed_says_how() -> None:
    info = json.dumps({"state": "completed", "failureInfo": {"message": "exit code 3"}}).encode()
    failed = node(
        boot_requested=10,
        boot_heard=20,
        start_task_attempt=1,
        start_task_start=21,
        start_task_end=30,
        start_task_exit_code=3,
        start_task_info=info,
    )
    assert timeline(failed)[2:] == [
        stage("startTaskStarted", 21, 1),
        stage("startTaskEnded", 30, 9, "exit code 3"),
    ]


def test_the_start_task_of_the_boot_before_is_left_out() -> None:
    assert timeline(node(boot_requested=50, start_task_start=21, start_task_end=30)) == [
        stage("requested", 50)
    ]


def test_what_keeps_the_engine_from_starting_it_is_the_last_stage() -> None:
    errors = json.dumps([{"code": "NodeStartFailed", "message": "no memory"}]).encode()
    assert timeline(node(boot_requested=10, errors=errors)) == [
        stage("requested", 10),
        Stage("allocated", error="no memory"),
    ]


def test_of_a_boot_before_this_was_kept_nothing_is_known() -> None:
    assert timeline(node()) == []


def failed(**values: object) -> Any:
    """A node whose boot failed, that came to these stages."""
    error = {
        "code": "NodeBootFailed",
        "message": "long",
        "errorDetails": [{"name": "Reason", "value": "short"}],
    }
    return node(errors=json.dumps([error]).encode(), **values)


@pytest.mark.parametrize(
    ("reached", "missed"),
    [({}, "allocated"), ({"boot_begun": 2}, "agentUp"), ({"boot_begun": 2, "boot_heard": 3}, "idle")],
)
def test_a_boot_that_failed_says_why_at_the_stage_to_which_it_did_not_come(
    reached: dict[str, int], missed: str
) -> None:
    last = timeline(failed(boot_requested=1, **reached))[-1]
    assert (last.stage, last.time, last.error) == (missed, None, "short")
