"""The nodes that this process answers for: how the engine comes to start, adopt and end them.

What fails for want of descriptors, processes, memory or disk is tried again, later and later; until then
a node that could not be started shows the error, and one that could not be ended keeps its tasks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import msgspec

from batchite.dispatch.background import Background
from batchite.dispatch.inputs import Input, NodeEnded, NodeStarted
from batchite.dispatch.links import Links, hash_token
from batchite.dispatch.loading import KnownNode
from batchite.dispatch.starts import Starts
from batchite.dispatch.surroundings import Surroundings
from batchite.engines.base import GRACE_SECONDS, Engine, Handle
from batchite.engines.ending import end_all
from batchite.link import messages as link
from batchite.scheduling.state import ShardState
from batchite.store.batch import execution
from batchite.store.database import Database

STARTS_OF_A_POOL = max(4, 2 * (os.cpu_count() or 1))
"""Nodes of one pool that are started at the same time."""
STARTS_AT_ONCE = 2 * STARTS_OF_A_POOL
UP_SECONDS = 5.0
"""A node that has not spoken by then holds up no other."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

log = logging.getLogger(__name__)


class Target(Protocol):
    """The shard on whose behalf things happen."""

    name: str
    account: str
    state: ShardState

    def put(self, item: Input) -> None: ...


@dataclass(slots=True)
class _Node:
    """A node as the engine and the links know it."""

    number: int
    shard: Target
    handle: Handle | None
    is_begun: bool
    """whether something of it may run"""
    is_leaving: bool = False
    failures: int = 0
    """of starting it, one after the other"""
    timer: asyncio.TimerHandle | None = None
    busy: asyncio.Task[None] | None = None
    """starting or stopping it"""


class Nodes:
    def __init__(self, database: Database, links: Links, engine: Engine, surroundings: Surroundings) -> None:
        self._database = database
        self._links = links
        self._engine = engine
        self._surroundings = surroundings
        self._nodes: dict[str, _Node] = {}
        self._starts = Starts(STARTS_AT_ONCE, STARTS_OF_A_POOL)
        self._background = Background()
        self._closed = False

    def know(self, shard: Target, nodes: Mapping[str, KnownNode]) -> None:
        """The shard has these nodes (too); those known already keep what is under way."""
        for node_id, known in nodes.items():
            if node_id not in self._nodes:
                handle = None if known.handle is None else Handle(known.handle)
                self._nodes[node_id] = _Node(known.number, shard, handle, known.is_begun)
                if known.token_hash is not None:
                    self._links.expect(node_id, known.token_hash)

    async def adopt(self, shard: Target) -> None:
        """Have the engine watch the nodes that an earlier process started.

        One without a handle may run all the same: its agent spoke before the handle was stored.
        """
        handles = {
            node_id: node.handle
            for node_id, node in self._nodes.items()
            if node.shard is shard
            and (node.handle is not None or shard.state.nodes[node_id].phase != "creating")
        }
        if handles:
            await self._engine.adopt(handles)

    def shard_of(self, node_id: str) -> Target | None:
        node = self._nodes.get(node_id)
        return None if node is None else node.shard

    # -- what is asked

    def start(self, node_id: str) -> None:
        """Start the node when it is its turn."""
        node = self._nodes.get(node_id)
        if node is not None and not node.is_leaving and (node.busy is None or node.busy.done()):
            self._starts.add(node.shard.name, node_id)
            self._start_next()

    def stop(self, node_id: str, *, grace: float = GRACE_SECONDS) -> None:
        """End the node; at once, if it has not been begun."""
        node = self._nodes.get(node_id)
        if node is not None and not node.is_leaving:
            node.is_leaving = True
            self._make_room(node_id, node)
            self._begin(node_id, node, partial(self._stop, grace=grace))

    def kill(self, node_id: str, reason: str) -> None:
        """End a node that does not answer, which is lost then."""
        log.warning("node %s is killed: %s", node_id, reason)
        self.stop(node_id, grace=0)

    def spoke(self, node_id: str) -> None:
        """Its agent is up."""
        node = self._nodes.get(node_id)
        if node is not None:
            self._make_room(node_id, node)

    def lost(self, node_id: str, reason: str) -> None:
        """The engine says that nothing of the node runs any more."""
        node = self._nodes.get(node_id)
        if node is not None:
            log.warning("node %s is lost: %s", node_id, reason)
            node.handle = None
            self.stop(node_id)

    async def end(self) -> set[str]:
        """End every node in order; their files stay for when they boot again.

        Returns the names of shards of whose nodes something may still run.
        """
        await self.close()
        nodes, self._nodes = self._nodes, {}
        begun = {node_id: node.handle for node_id, node in nodes.items() if node.is_begun}
        for node_id in begun:
            self._links.send(node_id, link.Leave())
        remain = await end_all(self._engine, begun)
        for node_id, why in remain.items():
            log.error("node %s could not be ended: %s", node_id, why)
        return {nodes[node_id].shard.name for node_id in remain}

    async def close(self) -> None:
        """Begin nothing any more."""
        self._closed = True
        self._starts.clear()
        for node in self._nodes.values():
            if node.timer is not None:
                node.timer.cancel()
        await self._background.close()

    # -- how it is done

    def _begin(
        self, node_id: str, node: _Node, work: Callable[[str, _Node], Coroutine[Any, Any, None]]
    ) -> None:
        """In the background, one after the other if the node is both started and stopped."""
        if self._closed:
            return
        before = node.busy

        async def run() -> None:
            if before is not None:
                await asyncio.wait((before,))
            await work(node_id, node)

        node.busy = self._background.start(run())

    def _start_next(self) -> None:
        for node_id in self._starts.take():
            self._begin(node_id, self._nodes[node_id], self._start)

    def _make_room(self, node_id: str, node: _Node) -> None:
        """The node need not be waited for."""
        if node.timer is not None:
            node.timer.cancel()
            node.timer = None
        self._starts.remove(node.shard.name, node_id)
        self._start_next()

    def _later(self, node: _Node, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        node.timer = asyncio.get_running_loop().call_later(seconds, call, *arguments)

    async def _start(self, node_id: str, node: _Node) -> None:
        state, pool = node.shard.state.nodes.get(node_id), node.shard.state.pool
        if node.is_leaving or state is None or pool is None:
            return
        token = secrets.token_urlsafe(32)
        token_hash = hash_token(token)
        try:
            await self._database.write(lambda c: execution.record_start(c, node.number, token_hash))
            node.is_begun = True
            self._links.expect(node_id, token_hash)
            spec = self._surroundings.spec(node.shard.account, pool, state, token)
            node.handle = handle = await self._engine.start(spec)
            await self._database.write(lambda c: execution.record_handle(c, node.number, handle))
        except Exception as error:
            await self._start_failed(node_id, node, error)
            return
        node.failures = 0
        node.shard.put(NodeStarted(node_id))
        if not self._links.is_connected(node_id):
            self._later(node, UP_SECONDS, self._make_room, node_id, node)

    async def _start_failed(self, node_id: str, node: _Node, error: Exception) -> None:
        pause = _pause(node.failures)
        node.failures += 1
        _log("started", node_id, error, pause)
        self._make_room(node_id, node)
        errors = _errors(error, pause)
        try:
            await self._database.write(lambda c: execution.record_errors(c, node.number, errors))
        except Exception:
            log.exception("the errors of node %s could not be recorded", node_id)
        if not node.is_leaving:
            self._later(node, pause, self._retry, node_id, node)

    def _retry(self, node_id: str, node: _Node) -> None:
        node.timer = node.busy = None
        self.start(node_id)

    async def _stop(self, node_id: str, node: _Node, grace: float) -> None:
        self._links.send(node_id, link.Leave())
        failures = 0
        while True:
            try:
                await self._engine.stop(node_id, node.handle, grace=grace)
                break
            except Exception as error:
                pause = _pause(failures)
                failures += 1
                _log("stopped", node_id, error, pause)
            await asyncio.sleep(pause)
        del self._nodes[node_id]
        await self._links.forget(node_id)
        node.shard.put(NodeEnded(node_id))


def _pause(failures: int) -> float:
    doublings = min(failures, 10)
    return min(FIRST_PAUSE_SECONDS * float(1 << doublings), LONGEST_PAUSE_SECONDS)


def _log(what: str, node_id: str, error: Exception, pause: float) -> None:
    unexpected = None if isinstance(error, OSError) else error
    message = "node %s could not be %s: %s; it is tried again in %g s"
    log.warning(message, node_id, what, error, pause, exc_info=unexpected)


def _errors(error: Exception, pause: float) -> bytes:
    """The node's `errors` in the API."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    message = (
        f"The node could not be started: {why}. It is tried again in {pause:g} seconds. If the machine is "
        "short of memory, processes or file descriptors, remove nodes or raise its limits."
    )
    return msgspec.json.encode([{"code": "NodeStartFailed", "message": message}])
