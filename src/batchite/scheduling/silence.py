"""When a node that says nothing is given up: its agent hangs, and its tasks would never come to an end.

Silence is counted from look to look rather than by the clock, and only from when the node could have been
heard: while the service itself is held up, is down or has its clock set, no node is to blame.
"""

from __future__ import annotations

from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import KillNode
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.ticks import TICKS_PER_SECOND

LOOK_TICKS = 5 * TICKS_PER_SECOND
"""Between two looks, usually."""
LONGEST_STEP = 2 * LOOK_TICKS
"""Counted between two looks at most."""
SILENCE_TICKS = 40 * TICKS_PER_SECOND
"""Four heartbeats."""
BOOT_TICKS = 120 * TICKS_PER_SECOND
"""For a node that has never spoken: a busy machine takes long to start many."""


def on_look(state: ShardState, at: int, decisions: Decisions) -> None:
    """Kill the nodes that have been silent for too long; their tasks wait again once they are gone."""
    step = 0 if state.looked is None else min(at - state.looked, LONGEST_STEP)
    state.looked = at
    for node in state.nodes.values():
        if node.is_given_up or not _is_to_speak(node):
            continue
        node.silence += step
        if node.silence >= _patience(node):
            node.is_given_up = True
            seconds = node.silence // TICKS_PER_SECOND
            decisions.effects.append(KillNode(node.id, f"its agent has said nothing for {seconds} s"))


def on_node_heard(node: NodeState) -> None:
    """Its agent says something, whatever it is."""
    node.silence = 0


def _is_to_speak(node: NodeState) -> bool:
    """Its agent has spoken, or its engine has begun it, and nobody is ending it."""
    is_ended = node.is_vacated or node.is_lost
    return not is_ended and (node.was_connected or (node.is_begun and node.phase == "starting"))


def _patience(node: NodeState) -> int:
    return SILENCE_TICKS if node.was_connected else BOOT_TICKS
