"""Explanations as data: the reasons with their codes and facts, and what to make of them in words."""

from __future__ import annotations

from typing import Any

from batchite.batch.explaining import catalogue
from batchite.batch.explaining.actions import Explanation
from batchite.scheduling.explaining import Finding
from batchite.wire.batch import codec


def shown(found: Explanation) -> dict[str, Any]:
    """As the endpoint answers it."""
    answer: dict[str, Any] = {
        "kind": found.kind,
        **found.ids,
        "sentence": found.sentence,
        "nextStep": found.next_step,
        "reasons": [_reason(finding) for finding in found.findings],
    }
    if found.kind == "node":
        answer["boot"] = [codec.to_builtins(stage) for stage in found.boot]
    if found.course:
        answer["course"] = [codec.to_builtins(step) for step in found.course]
    if found.outputs:
        answer["startTaskOutput"] = dict(found.outputs)
    return answer


def _reason(finding: Finding) -> dict[str, Any]:
    facts = codec.to_builtins(finding.reason)
    about = {"affectedNodes": finding.nodes, "exampleNode": finding.node} if finding.nodes else {}
    return {
        "code": finding.reason.code,
        "blocking": finding.blocking,
        **about,
        **facts,
        "sentence": catalogue.sentence(finding),
        "nextStep": catalogue.next_step(finding),
    }
