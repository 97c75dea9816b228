"""How nodes are started: some at a time, those of a pool together, and again what could not be done."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping

import msgspec
import sqlalchemy as sa

from batchite.dispatch import held
from batchite.dispatch.background import Background
from batchite.dispatch.held import HeldNode
from batchite.dispatch.inputs import NodeStarted
from batchite.dispatch.links import Links, hash_token
from batchite.dispatch.starts import Starts
from batchite.dispatch.surroundings import Surroundings, size_of
from batchite.engines.base import Outcome, Taken
from batchite.engines.registry import Engines
from batchite.scheduling.state import PoolState
from batchite.store.batch import execution
from batchite.store.batch.shards import LeaseLostError
from batchite.store.database import Database
from batchite.wire.batch.outcome import shortened

UP_SECONDS = 5.0
"""A node that has not spoken by then holds up no other."""

Batch = Mapping[str, HeldNode]
"""Nodes of one pool, by id."""


class Starting:
    def __init__(
        self,
        database: Database,
        links: Links,
        engines: Engines,
        surroundings: Surroundings,
        background: Background,
    ) -> None:
        self._database = database
        self._links = links
        self._engines = engines
        self._surroundings = surroundings
        self._background = background
        self._turns: dict[str, Starts] = {}
        """by engine: no pool waits for nodes of another kind"""
        self._waiting: dict[str, HeldNode] = {}
        self._soon: set[str] = set()
        """engines that are asked for the next nodes within this turn of the loop: for several at once"""
        self._closed = False

    def add(self, node_id: str, node: HeldNode) -> None:
        """Start the node when it is its turn."""
        pool = node.shard.state.pool
        if self._closed or pool is None:
            return
        if node.engine is None:
            node.engine = self._engines.choose(pool.vm_size)
        self._waiting[node_id] = node
        self._turns_of(node.engine).add(node.shard.name, node_id)
        self._start_soon(node.engine)

    def make_room(self, node_id: str, node: HeldNode) -> None:
        """The node need not be waited for: it is up, has failed, or is not wanted any more."""
        node.stop_timer()
        self._waiting.pop(node_id, None)
        if node.engine is not None:
            self._turns_of(node.engine).remove(node.shard.name, node_id)
            self._start_soon(node.engine)

    def close(self) -> None:
        """Begin nothing any more."""
        self._closed = True
        self._turns.clear()
        self._waiting.clear()

    def _turns_of(self, engine: str) -> Starts:
        if engine not in self._turns:
            self._turns[engine] = Starts(*self._engines.of(engine).pace)
        return self._turns[engine]

    def _start_soon(self, engine: str) -> None:
        if engine not in self._soon:
            self._soon.add(engine)
            asyncio.get_running_loop().call_soon(self._start_next, engine)

    def _start_next(self, engine: str) -> None:
        self._soon.discard(engine)
        if self._closed:
            return
        batches: dict[str, dict[str, HeldNode]] = {}
        for node_id in self._turns_of(engine).take():
            node = self._waiting.pop(node_id)
            batches.setdefault(node.shard.name, {})[node_id] = node
        for batch in batches.values():
            work = self._background.start(self._start(engine, batch))
            for node in batch.values():
                node.busy = work

    async def _start(self, engine: str, taken: Batch) -> None:
        batch = {node_id: node for node_id, node in taken.items() if not node.is_leaving}
        pool = next((node.shard.state.pool for node in batch.values()), None)
        if pool is None:
            return
        outcomes: Mapping[str, Outcome]
        try:
            outcomes = await self._ask(engine, pool, batch)
        except LeaseLostError:
            return
        except Exception as error:
            outcomes = dict.fromkeys(batch, error)
        for node_id, outcome in outcomes.items():
            if isinstance(outcome, Taken):
                self._started(node_id, batch[node_id], outcome)
        failed = {node_id: one for node_id, one in outcomes.items() if isinstance(one, Exception)}
        if failed:
            await self._failed(batch, failed)

    async def _ask(self, name: str, pool: PoolState, batch: Batch) -> Mapping[str, Outcome]:
        """What the engine says of each, once its handles are stored. Raises LeaseLostError."""
        image = await asyncio.to_thread(self._surroundings.node_image, pool.rules.image)
        tokens = {node_id: secrets.token_urlsafe(32) for node_id in batch}
        hashes = {node_id: hash_token(token) for node_id, token in tokens.items()}
        begun = [(node.number, hashes[node_id]) for node_id, node in batch.items()]
        await self._record(batch, lambda c: execution.record_starts(c, name, begun))
        for node_id, node in batch.items():
            node.is_begun = True
            self._links.expect(node_id, hashes[node_id])
        specs = [
            self._surroundings.spec(
                node.shard.account, pool, image, node.shard.state.nodes[node_id], tokens[node_id]
            )
            for node_id, node in batch.items()
        ]
        outcomes = await self._engines.of(name).start(specs, size_of(pool))
        handles = [(batch[i].number, one.handle) for i, one in outcomes.items() if isinstance(one, Taken)]
        if handles:
            await self._record(batch, lambda c: execution.record_handles(c, handles))
        return outcomes

    async def _record(self, batch: Batch, unit: Callable[[sa.Connection], None]) -> None:
        """Raises LeaseLostError if the nodes are another's to start."""
        shard = next(iter(batch.values())).shard

        def fenced(connection: sa.Connection) -> None:
            shard.fence(connection)
            unit(connection)

        await self._database.write(fenced)
        if any(node.is_let_go for node in batch.values()):
            raise LeaseLostError

    def _started(self, node_id: str, node: HeldNode, taken: Taken) -> None:
        node.handle, node.failures = taken.handle, 0
        if not taken.is_pending:
            node.shard.put(NodeStarted(node_id))
        if not self._links.is_connected(node_id):
            self._later(node, UP_SECONDS, lambda: self.make_room(node_id, node))

    async def _failed(self, batch: Batch, failed: Mapping[str, Exception]) -> None:
        pauses = {node_id: held.pause(batch[node_id].failures) for node_id in failed}
        errors = []
        for node_id, error in failed.items():
            node, pause = batch[node_id], pauses[node_id]
            held.tell("started", node_id, error, node.failures, pause)
            node.failures += 1
            self.make_room(node_id, node)
            errors.append((node.number, _shown(error, pause)))
        try:
            await self._record(batch, lambda c: execution.record_errors(c, errors))
        except Exception:
            held.log.exception("the errors of %d nodes could not be recorded", len(errors))
        for node_id, pause in pauses.items():
            if not (batch[node_id].is_leaving or batch[node_id].is_halting):
                self._try_again(node_id, batch[node_id], pause)

    def _try_again(self, node_id: str, node: HeldNode, seconds: float) -> None:
        def again() -> None:
            node.timer = None
            self.add(node_id, node)

        self._later(node, seconds, again)

    def _later(self, node: HeldNode, seconds: float, call: Callable[[], None]) -> None:
        node.timer = asyncio.get_running_loop().call_later(seconds, call)


def _shown(error: Exception, pause: float) -> bytes:
    """The node's `errors` in the API."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = shortened(why.rstrip(".") or type(error).__name__)
    message = (
        f"The node could not be started: {reason}. It is tried again in {pause:g} seconds. If the machine is "
        "short of memory, processes or file descriptors, remove nodes or raise its limits."
    )
    return msgspec.json.encode([{"code": "NodeStartFailed", "message": message}])
