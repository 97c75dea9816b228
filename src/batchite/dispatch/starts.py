"""Whose turn it is to be started."""

from __future__ import annotations


class Starts:
    """Nodes that wait for their turn: so many start at a time, fewer of the same pool, and pools take turns.

    A start takes most of a second of processor time, so more of them at once would make all late; and a
    pool whose nodes never come up must not keep others waiting.
    """

    def __init__(self, at_once: int, of_a_pool: int) -> None:
        self._at_once = at_once
        self._of_a_pool = of_a_pool
        self._waiting: dict[str, dict[str, None]] = {}
        """nodes by pool, in the order of their turns"""
        self._running: dict[str, str] = {}
        """the pool of each node that is being started"""

    def add(self, pool: str, node: str) -> None:
        """A node that waits or is being started already keeps its place."""
        if node not in self._running:
            self._waiting.setdefault(pool, {}).setdefault(node)

    def take(self) -> list[str]:
        """Those whose turn has come."""
        taken = []
        while len(self._running) < self._at_once and (pool := self._next()) is not None:
            nodes = self._waiting.pop(pool)
            node = next(iter(nodes))
            del nodes[node]
            if nodes:
                self._waiting[pool] = nodes  # the others first
            self._running[node] = pool
            taken.append(node)
        return taken

    def remove(self, pool: str, node: str) -> None:
        """The node is up, has failed, or is not wanted any more."""
        self._running.pop(node, None)
        nodes = self._waiting.get(pool, {})
        nodes.pop(node, None)
        if not nodes:
            self._waiting.pop(pool, None)

    def clear(self) -> None:
        self._waiting.clear()
        self._running.clear()

    def _next(self) -> str | None:
        running = list(self._running.values())
        return next((pool for pool in self._waiting if running.count(pool) < self._of_a_pool), None)
