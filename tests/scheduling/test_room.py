"""How many nodes there may be."""

from __future__ import annotations

import pytest

from batchite.scheduling.room import Limits, Refusal, Usage, explain, grant

NONE = Limits(None, None)


@pytest.mark.parametrize(
    ("wanted", "usage", "limits", "granted", "refusal"),
    [
        (2**31 - 1, Usage(10, 10), NONE, 2**31 - 1, None),
        (3, Usage(4, 0), Limits(10, None), 3, None),
        (4, Usage(4, 0), Limits(10, None), 3, Refusal(1, "core quota", 10)),
        (4, Usage(11, 0), Limits(10, None), 0, Refusal(4, "core quota", 10)),
        (4, Usage(0, 5), Limits(None, 9), 4, None),
        (5, Usage(0, 5), Limits(None, 9), 4, Refusal(1, "max_nodes", 9)),
        (5, Usage(0, 10), Limits(None, 9), 0, Refusal(5, "max_nodes", 9)),
        (9, Usage(0, 0), Limits(6, 5), 3, Refusal(6, "core quota", 6)),
        (9, Usage(0, 0), Limits(10, 3), 3, Refusal(6, "max_nodes", 3)),
    ],
)
def test_room(wanted: int, usage: Usage, limits: Limits, granted: int, refusal: Refusal | None) -> None:
    assert grant(wanted, 2, usage, limits) == (granted, refusal)


@pytest.mark.parametrize(
    ("target", "is_final", "next_step"),
    [(3, "false", "again when they have fewer nodes"), (13, "true", "Resize it to fewer")],
)
def test_a_refusal_names_the_rule_its_value_and_what_to_do(
    target: int, is_final: str, next_step: str
) -> None:
    """What is too much for the limit is told from what other pools have taken."""
    quota, nodes = (explain(Refusal(3, rule, 12), 4, target) for rule in ("core quota", "max_nodes"))
    assert (quota.code, nodes.code) == ("AccountCoreQuotaReached", "AllocationFailed")
    for text in ("core quota of 12", "3 of the nodes", "4 cores", next_step, "raise the quota"):
        assert text in quota.message
    for text in ("limit of 12 nodes", "3 of the nodes", next_step, "raise max_nodes"):
        assert text in nodes.message
    for failure in (quota, nodes):
        assert failure.details == (("Limit", "12"), ("Missing", "3"), ("IsFinal", is_final))


def test_a_quota_of_cores_is_looked_at_in_nodes() -> None:
    """Three nodes with four cores each are all that 12 cores bear."""
    for target, is_final in ((3, "false"), (4, "true")):
        assert ("IsFinal", is_final) in explain(Refusal(1, "core quota", 12), 4, target).details
