"""Why something waits, in the sentences of the explanation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from batchite.batch.explaining import catalogue
from batchite.batch.explaining.actions import Explanation

_WAITED_FOR: Final = ("DependencyUnfinished", "DependencyFailed")
"""Reasons about a task that is there."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`is_blocking`: it keeps the thing from going on. `node` is one of the `nodes` that it is about, or the
    only one that its sentence names (then `nodes` is 0), and `to` the page of that one; empty if it is about
    none. `task` is likewise one that it waits for, with its page."""

    code: str
    sentence: str
    next_step: str
    is_blocking: bool
    nodes: int = 0
    node: str = ""
    to: str = ""
    task: str = ""
    to_task: str = ""


def of(
    found: Explanation, to: Callable[[str], str] | None = None, to_task: Callable[[str], str] | None = None
) -> Sequence[Reason]:
    """What keeps it first. `to` and `to_task`: where the page of a node is, and of a task, if these are to be
    linked to."""
    reasons = []
    for each in found.findings:
        node = each.node or str(each.reason.facts.get("node", ""))
        task = str(each.reason.facts.get("task", "")) if each.reason.code in _WAITED_FOR else ""
        reasons.append(
            Reason(
                each.reason.code,
                catalogue.sentence(each),
                catalogue.next_step(each),
                each.blocking,
                each.nodes,
                node,
                to(node) if to and node else "",
                task,
                to_task(task) if to_task and task else "",
            )
        )
    return reasons
