"""How many nodes there is room for, and what a pool is told that gets fewer."""

from __future__ import annotations

from typing import Literal, NamedTuple

from batchite.wire.batch.outcome import Failure


class Limits(NamedTuple):
    """What nodes of an account have to keep within; None is no limit."""

    core_quota: int | None
    """of the account"""
    max_nodes: int | None
    """of all accounts together: what this machine can bear"""


class Usage(NamedTuple):
    """What has been taken of it."""

    cores: int
    nodes: int


class Refusal(NamedTuple):
    """So many of the nodes wanted would break the rule."""

    nodes: int
    rule: Literal["core quota", "max_nodes"]
    limit: int


def grant(wanted: int, cores_each: int, usage: Usage, limits: Limits) -> tuple[int, Refusal | None]:
    """How many of the nodes there may be."""
    granted, refusal = wanted, None
    if limits.core_quota is not None:
        room = max(limits.core_quota - usage.cores, 0) // cores_each
        if room < granted:
            granted, refusal = room, Refusal(wanted - room, "core quota", limits.core_quota)
    if limits.max_nodes is not None:
        room = max(limits.max_nodes - usage.nodes, 0)
        if room < granted:
            granted, refusal = room, Refusal(wanted - room, "max_nodes", limits.max_nodes)
    return granted, refusal


def explain(refusal: Refusal, cores_each: int) -> Failure:
    """For the pool's `resizeErrors`."""
    if refusal.rule == "core quota":
        return Failure(
            "usererror",
            "AccountCoreQuotaReached",
            f"The account's core quota of {refusal.limit} leaves no room for {refusal.nodes} of the nodes "
            f"wanted ({cores_each} cores each). Remove nodes of other pools, ask for fewer, or raise the "
            "quota.",
        )
    return Failure(
        "usererror",
        "AllocationFailed",
        f"This service runs at most {refusal.limit} nodes at a time (its setting max_nodes), which leaves no "
        f"room for {refusal.nodes} of the nodes wanted. Remove nodes of other pools, ask for fewer, or raise "
        "max_nodes if the machine has the memory for more.",
    )
