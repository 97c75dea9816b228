"""The nodes that this process answers for: how engines come to start, adopt and end them.

What fails for want of descriptors, processes, memory or disk is tried again, later and later; until then
a node that could not be started shows the error, and one that could not be ended keeps its tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from batchite.dispatch import held
from batchite.dispatch.background import Background
from batchite.dispatch.held import HeldNode, Target
from batchite.dispatch.inputs import NodeEnded, NodeLost
from batchite.dispatch.links import Links
from batchite.dispatch.loading import KnownNode
from batchite.dispatch.starting import Starting
from batchite.dispatch.surroundings import Surroundings
from batchite.engines.base import GRACE_SECONDS, Handle
from batchite.engines.ending import end_all
from batchite.engines.registry import Engines
from batchite.link import messages as link
from batchite.store.database import Database

log = logging.getLogger(__name__)


class Nodes:
    def __init__(
        self, database: Database, links: Links, engines: Engines, surroundings: Surroundings
    ) -> None:
        self._links = links
        self._engines = engines
        self._nodes: dict[str, HeldNode] = {}
        self._background = Background()
        self._starting = Starting(database, links, engines, surroundings, self._background)
        self._closed = False

    def know(self, shard: Target, nodes: Mapping[str, KnownNode]) -> None:
        """The shard has these nodes (too); those known already keep what is under way."""
        for node_id, known in nodes.items():
            if node_id not in self._nodes:
                handle = None if known.handle is None else Handle(known.handle)
                self._nodes[node_id] = HeldNode(known.number, shard, known.engine, handle, known.is_begun)
                if known.token_hash is not None:
                    self._links.expect(node_id, known.token_hash)

    async def adopt(self, shard: Target) -> None:
        """Have engines watch the nodes that an earlier process started.

        One without a handle may run all the same: its agent spoke before the handle was stored. What is being
        ended cannot be lost.
        """
        handles = {
            node_id: node
            for node_id, node in self._nodes.items()
            if node.shard is shard
            and not node.is_leaving
            and not node.is_halting
            and (node.handle is not None or shard.state.nodes[node_id].was_connected)
        }
        for name, of_engine in _by_engine(handles).items():
            await self._engines.of(name).adopt(of_engine)

    def let_go(self, shard: str) -> list[str]:
        """The shard is another's: its nodes go on, and this process answers for them no more. Returns their
        ids."""
        gone = {node_id: node for node_id, node in self._nodes.items() if node.shard.name == shard}
        for node_id, node in gone.items():
            node.is_leaving = node.is_let_go = True  # what has begun for it begins nothing more
            self._starting.make_room(node_id, node)
            del self._nodes[node_id]
            self._background.start(self._links.forget(node_id))
        return list(gone)

    def shard_of(self, node_id: str) -> Target | None:
        node = self._nodes.get(node_id)
        return None if node is None else node.shard

    async def log(self, node_id: str, most_bytes: int) -> str | None:
        """What its agent has said last, if this process knows."""
        node = self._nodes.get(node_id)
        if node is None or node.engine is None:
            return None
        return await self._engines.of(node.engine).log(node_id, node.handle, most_bytes)

    # -- what is asked

    def start(self, node_id: str) -> None:
        """Start the node when it is its turn, unless it is started or being ended."""
        node = self._nodes.get(node_id)
        if node is not None and node.handle is None and not node.is_leaving and not node.is_busy:
            self._starting.add(node_id, node)

    def stop(self, node_id: str) -> None:
        """End the node; at once, if it has not been begun."""
        node = self._nodes.get(node_id)
        if node is not None and not node.is_leaving:
            node.is_leaving = True
            self._starting.make_room(node_id, node)
            self._begin(node_id, node, self._stop)

    def halt(self, node_id: str, *, wipe: bool) -> None:
        """End the node, to rest or to be started again; with its files, if they are to be wiped."""
        node = self._nodes.get(node_id)
        if node is not None and not node.is_leaving and not node.is_halting:
            node.is_halting = True
            self._starting.make_room(node_id, node)
            self._begin(node_id, node, partial(self._halt, wipe=wipe))

    def kill(self, node_id: str, reason: str) -> None:
        """End a node that does not answer, which is lost then."""
        log.warning("node %s is killed: %s", node_id, reason)
        node = self._nodes.get(node_id)
        if node is not None and not node.is_leaving and not node.is_halting:
            self._begin(node_id, node, partial(self._kill, reason=reason))

    def spoke(self, node_id: str) -> None:
        """Its agent is up."""
        node = self._nodes.get(node_id)
        if node is not None:
            self._starting.make_room(node_id, node)

    def lost(self, node_id: str, reason: str) -> None:
        """The engine says that nothing of the node runs any more."""
        node = self._nodes.get(node_id)
        if node is not None:
            log.warning("node %s is lost: %s", node_id, reason)
            node.handle = None
            node.shard.put(NodeLost(node_id, reason))

    async def end(self) -> set[str]:
        """End every node in order; their files stay for when they boot again.

        Returns the names of shards of whose nodes something may still run.
        """
        await self.close()
        nodes, self._nodes = self._nodes, {}
        begun = {node_id: node for node_id, node in nodes.items() if node.is_begun}
        for node_id in begun:
            self._links.send(node_id, link.Leave())
        ends = [end_all(self._engines.of(name), handles) for name, handles in _by_engine(begun).items()]
        remain = {node_id: why for one in await asyncio.gather(*ends) for node_id, why in one.items()}
        for node_id, why in remain.items():
            log.error("node %s could not be ended: %s", node_id, why)
        return {nodes[node_id].shard.name for node_id in remain}

    async def close(self) -> None:
        """Begin nothing any more."""
        self._closed = True
        self._starting.close()
        for node in self._nodes.values():
            node.stop_timer()
        await self._background.close()

    # -- how it is done

    def _begin(
        self, node_id: str, node: HeldNode, work: Callable[[str, HeldNode], Coroutine[Any, Any, None]]
    ) -> None:
        """In the background, after what is under way."""
        if self._closed:
            return
        before = node.busy

        async def run() -> None:
            if before is not None:
                await asyncio.wait((before,))
            await work(node_id, node)

        node.busy = self._background.start(run())

    async def _stop(self, node_id: str, node: HeldNode) -> None:
        await self._end(node_id, node)
        if not node.is_let_go:
            del self._nodes[node_id]
            await self._links.forget(node_id)
        node.shard.put(NodeEnded(node_id))

    async def _halt(self, node_id: str, node: HeldNode, wipe: bool) -> None:
        await self._end(node_id, node, keep_files=not wipe)
        if not node.is_let_go:
            node.handle, node.is_begun, node.failures = None, False, 0
            await self._links.forget(node_id)
        node.is_halting = False
        node.shard.put(NodeEnded(node_id))

    async def _kill(self, node_id: str, node: HeldNode, reason: str) -> None:
        await self._end(node_id, node, keep_files=True, grace=0)
        node.handle = None
        node.shard.put(NodeLost(node_id, reason))

    async def _end(
        self, node_id: str, node: HeldNode, *, keep_files: bool = False, grace: float = GRACE_SECONDS
    ) -> None:
        """Returns once nothing of the node runs any more."""
        self._links.send(node_id, link.Leave())
        failures = 0
        while node.engine is not None:
            try:
                engine = self._engines.of(node.engine)
                await engine.stop(node_id, node.handle, keep_files=keep_files, grace=grace)
                return
            except Exception as error:
                pause = held.pause(failures)
                held.tell("stopped", node_id, error, failures, pause)
                failures += 1
            await asyncio.sleep(pause)


def _by_engine(nodes: Mapping[str, HeldNode]) -> dict[str, dict[str, Handle | None]]:
    """Handles of nodes that an engine was asked for, by its name."""
    handles: dict[str, dict[str, Handle | None]] = {}
    for node_id, node in nodes.items():
        if node.engine is not None:
            handles.setdefault(node.engine, {})[node_id] = node.handle
    return handles
