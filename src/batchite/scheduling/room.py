"""How many nodes there is room for, and what a pool is told that gets fewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from batchite.resources.inbound import Places
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
    places: Places | None = None
    """of the pool in question, if it has NAT pools"""


class Refusal(NamedTuple):
    """So many of the nodes wanted would break the rule."""

    nodes: int
    rule: Literal["core quota", "max_nodes", "ports"]
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
    if usage.places is not None and usage.places.free < granted:
        granted = usage.places.free
        refusal = Refusal(wanted - granted, "ports", usage.places.all)
    return granted, refusal


class _Words(NamedTuple):
    """What is said of a rule; `{limit}` and `{each}` are filled in."""

    code: str
    rule: str
    taken: str
    """by whom or what there is no room at present"""
    more: str
    """how the rule is relaxed"""


_WORDS: Final[Mapping[str, _Words]] = {
    "core quota": _Words(
        "AccountCoreQuotaReached",
        "The account's core quota of {limit}, at {each},",
        "other pools have taken it. Resize the pool again when they have fewer nodes",
        "raise the quota",
    ),
    "max_nodes": _Words(
        "AllocationFailed",
        "The service's limit of {limit} nodes (max_nodes)",
        "other pools have taken it. Resize the pool again when they have fewer nodes",
        "raise max_nodes if the machine has the memory for more",
    ),
    "ports": _Words(
        "AllocationFailed",
        "An inbound NAT pool of {limit} frontend ports",
        "nodes that leave have theirs still. Resize the pool again when they are gone",
        "give the pool a larger range",
    ),
}


def explain(refusal: Refusal, cores_each: int, target: int) -> Failure:
    """For the `resizeErrors` of a pool that is to have so many nodes: what is taken is free again some time,
    what is more than the limit never."""
    words = _WORDS[refusal.rule]
    most = refusal.limit // (cores_each if refusal.rule == "core quota" else 1)
    each = f"{cores_each} {'core' if cores_each == 1 else 'cores'} each"
    rule, missing = words.rule.format(limit=refusal.limit, each=each), refusal.nodes
    is_final = target > most
    if is_final:
        message = (
            f"{rule} is too small for the pool's {target} nodes: it will never have more than {most}, and "
            f"{missing} of the nodes wanted are missing. Resize it to fewer, or {words.more}."
        )
    else:
        message = (
            f"{rule} leaves no room at present for {missing} of the nodes wanted, since {words.taken}, or "
            f"{words.more}."
        )
    told = (("Limit", refusal.limit), ("Missing", missing), ("IsFinal", "true" if is_final else "false"))
    return Failure("usererror", words.code, message, tuple((name, str(value)) for name, value in told))
