"""Why something waits, in the sentences of the explanation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchite.batch.explaining import catalogue
from batchite.batch.explaining.actions import Explanation


@dataclass(frozen=True, slots=True)
class Reason:
    """`is_blocking`: it keeps the thing from going on. `node` is one of the `nodes` that it is about, or the
    only one that its sentence names (then `nodes` is 0), and `to` the page of that one; empty if it is about
    none."""

    code: str
    sentence: str
    next_step: str
    is_blocking: bool
    nodes: int = 0
    node: str = ""
    to: str = ""


def of(found: Explanation, to: Callable[[str], str] | None = None) -> Sequence[Reason]:
    """What keeps it first. `to`: where a node's page is, if nodes are to be linked to."""
    reasons = []
    for each in found.findings:
        node = each.node or str(each.reason.facts.get("node", ""))
        reasons.append(
            Reason(
                each.reason.code,
                catalogue.sentence(each),
                catalogue.next_step(each),
                each.blocking,
                each.nodes,
                node,
                to(node) if to and node else "",
            )
        )
    return reasons
