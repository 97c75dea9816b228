"""How states look: their words, and the colour that goes with each. The word always stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Tone: TypeAlias = Literal["good", "busy", "waiting", "bad", "plain"]

_TONES: Final[Mapping[Tone, frozenset[str]]] = {
    "good": frozenset({"idle", "steady", "succeeded", "success", "available"}),
    "busy": frozenset({"running", "leased", "resizing", "starting", "rebooting", "reimaging", "upgradingos"}),
    "waiting": frozenset(
        {
            "creating",
            "waitingforstarttask",
            "offline",
            "deallocating",
            "preparing",
            "enabling",
            "disabling",
            "stopping",
            "terminating",
        }
    ),
    "bad": frozenset(
        {"failed", "failure", "unusable", "starttaskfailed", "unknown", "preempted", "deleting"}
    ),
}


def tone(state: str) -> Tone:
    """`plain`, which is grey, for what is over or says nothing."""
    return next((name for name, states in _TONES.items() if state in states), "plain")


_SPOKEN: Final = {
    "waitingforstarttask": "waiting for start task",
    "starttaskfailed": "start task failed",
    "leavingpool": "leaving the pool",
    "upgradingos": "upgrading its system",
}


def spoken(state: str) -> str:
    """The name of a state, with spaces where people would put them."""
    return _SPOKEN.get(state, state)
