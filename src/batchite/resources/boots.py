"""How the last boot of a compute node went: the stages it came to, and what kept it from the next.

Only the last boot is kept. A node that leaves the pool takes its own along.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, Protocol

import msgspec

from batchite.wire.ticks import Duration, Timestamp

StageName = Literal["requested", "allocated", "agentUp", "startTaskStarted", "startTaskEnded", "idle"]


REASON: Final = "Reason"
"""The detail of a node's error that says only why."""


class ErrorRow(Protocol):
    """What of a stored node tells what went wrong with it."""

    start_task_info: bytes | None
    errors: bytes | None


class BootRow(ErrorRow, Protocol):
    """What of a stored node tells of its boot."""

    boot_requested: int | None
    boot_begun: int | None
    boot_heard: int | None
    boot_ready: int | None
    start_task_attempt: int
    start_task_state: str | None
    start_task_start: int | None
    start_task_end: int | None
    start_task_exit_code: int | None


class Stage(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Without a time it has not been reached, and the error says why."""

    stage: StageName
    time: Timestamp | None = None
    duration: Duration | None = None
    """since the stage before"""
    error: str | None = None


def timeline(node: BootRow) -> list[Stage]:
    """The stages in the order of their times, and last the one that is not reached for an error."""
    reached = sorted(_reached(node), key=lambda stage: stage[1])
    stages: list[Stage] = []
    before: int | None = None
    for name, at, error in reached:
        duration = None if before is None else Duration(at - before)
        stages.append(Stage(name, Timestamp(at), duration, error))
        before = at
    if (error := node_error(node)) is not None:
        stages.append(Stage(_missed(node), error=error))
    return stages


def _missed(node: BootRow) -> StageName:
    """The stage to which a boot has not come that failed."""
    if node.boot_begun is None and node.boot_heard is None:
        return "allocated"
    return "agentUp" if node.boot_heard is None else "idle"


def _reached(node: BootRow) -> Iterator[tuple[StageName, int, str | None]]:
    times: tuple[tuple[StageName, int | None], ...] = (
        ("requested", node.boot_requested),
        ("allocated", node.boot_begun),
        ("agentUp", node.boot_heard),
        ("idle", node.boot_ready),
    )
    yield from ((name, at, None) for name, at in times if at is not None)
    if node.start_task_attempt > 0 and node.start_task_start is not None:
        yield "startTaskStarted", node.start_task_start, None
        if node.start_task_end is not None:
            yield "startTaskEnded", node.start_task_end, start_task_error(node)


def start_task_error(node: ErrorRow) -> str | None:
    """What the last run of the start task failed with."""
    if node.start_task_info is None:
        return None
    failure = msgspec.json.decode(node.start_task_info).get("failureInfo") or {}
    text = failure.get("message")
    return str(text) if text else None


def node_error(node: ErrorRow) -> str | None:
    """What is wrong with the node, in the words of whoever found that out: why its engine could not start it,
    or why its boot failed."""
    found = msgspec.json.decode(node.errors) if node.errors else []
    if not found:
        return None
    details = {detail.get("name"): detail.get("value") for detail in found[0].get("errorDetails", ())}
    return str(details.get(REASON) or found[0].get("message", ""))
