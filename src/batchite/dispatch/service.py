"""Runs the shards: the API's counterpart on the side of the nodes."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from batchite.configuration.accounts import Accounts
from batchite.configuration.fidelity import Fidelity
from batchite.dispatch import loading
from batchite.dispatch.background import Background
from batchite.dispatch.effects import Effects
from batchite.dispatch.files import LinkedFiles
from batchite.dispatch.inputs import Due, Frame, Look, NodeClosed
from batchite.dispatch.links import Links
from batchite.dispatch.nodes import Nodes
from batchite.dispatch.ownership import Ownership
from batchite.dispatch.shard import Shard
from batchite.dispatch.surroundings import Surroundings
from batchite.engines.base import Lost
from batchite.engines.registry import Engines
from batchite.link.messages import FromAgent, Hello
from batchite.scheduling.room import Limits
from batchite.scheduling.silence import LOOK_TICKS
from batchite.scheduling.state import ShardState
from batchite.store.batch import events, execution, shards, work
from batchite.store.batch.shards import LeaseLostError, OwnedShard
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND, Clock, Duration

ROUND_SECONDS = 1.0
"""How often due rows and events nobody woke us for are looked up, at the latest."""

LOOK_SECONDS = 0.1
"""How often the store is asked for what another owner is to do."""

RETIRED = 50
"""Shards that are given up in one round; due rows are not to wait for more."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Dispatch:
    """Owner of all shards that nobody else owns.

    Implements `ports.Owner`; `files` implements `ports.NodeFiles`.

    `make_engines` is given the function to call when a node is lost. Agents connect to `service_url`,
    tasks find the API at `account_url`; `environment` is given to every task. There are no more than
    `max_nodes` nodes in all. `lease` is how long shards stay with who does not renew it; None if the
    database is nobody else's. `link_app` and `transfer_app` are ASGI apps for the agents, to be mounted at
    `/-/nodes` and `/-/transfers`.
    """

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        make_engines: Callable[[Lost], Engines],
        *,
        service_url: str,
        account_url: str,
        environment: Mapping[str, str],
        fidelity: Fidelity,
        lease: Duration | None,
        max_nodes: int | None = None,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock
        self._fidelity = fidelity
        self._max_nodes = max_nodes
        self._links = Links(self._received, self._closed, self._is_known)
        self._engines = make_engines(self._lost)
        surroundings = Surroundings(service_url, account_url, environment)
        self._nodes = Nodes(database, self._links, self._engines, surroundings)
        self._effects = Effects(database, self._links, self._nodes)
        self.files = LinkedFiles(self._links)
        self._ownership = Ownership(database, clock, lease, self._begin, self._let_go)
        self._acquisitions = Background()
        self._rounds: asyncio.Task[None] | None = None
        self._looked = 0
        """when nodes were last looked at for silence"""
        self.interrupted = 0
        """running tasks that an orderly stop has ended, and that run again at the next start"""
        self.is_stopping = False

    @property
    def link_app(self) -> Links:
        return self._links

    @property
    def transfer_app(self) -> LinkedFiles:
        return self.files

    @property
    def shards(self) -> Mapping[str, Shard]:
        """Those that it owns and has in memory, by name."""
        return self._ownership.shards

    async def start(self) -> None:
        """Take every shard with something to do and begin; agents may connect once this returns."""
        await self._database.write(shards.forget_unused)
        await self._ownership.acquire(await self._read(work.shards_with_some))
        for shard in list(self._ownership.shards.values()):
            await shard.loaded()
        self._rounds = asyncio.create_task(self._run_rounds(), name="rounds")

    async def stop(self, end_nodes: bool) -> bool:
        """Stop deciding. With `end_nodes` the nodes are ended in order and boot again at the next
        start; their tasks return to active. Without, nodes and tasks go on.

        Returns whether all that was to end has ended. What has not is recorded as running, and the next
        start takes it over.
        """
        self.is_stopping = True
        for shard in await self._ownership.close():
            await shard.stop()
        remain = await self._nodes.end() if end_nodes else set()
        if end_nodes:
            for shard in list(self._ownership.shards.values()):
                if shard.name not in remain:
                    await self._send_home(shard)
        if self._rounds is not None:  # until now they have kept the leases
            self._rounds.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rounds
        await self._ownership.give_back()
        await self._effects.close()
        await self._nodes.close()
        await self._engines.close()
        return not remain

    async def _send_home(self, shard: Shard) -> None:
        try:
            self.interrupted += await shard.send_home()
        except LeaseLostError:
            log.warning("what becomes of the tasks of shard %s is for its new owner to say", shard.name)

    # -- ports.Owner

    def wake(self, shard: str) -> None:
        owned_shard = self._ownership.shards.get(shard)
        if owned_shard is not None and not owned_shard.is_closing:
            owned_shard.wake()
        elif not self.is_stopping:
            self._acquisitions.start(self._ownership.acquire([shard]))

    async def settled(self, shard: str, sequence: int, seconds: float, *, task: int | None = None) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._settled(shard, sequence, task)
        return False

    async def _settled(self, shard: str, sequence: int, task: int | None) -> bool:
        while not self.is_stopping:
            owned_shard = await self._ownership.owned(shard)
            if owned_shard is not None:
                if await owned_shard.settled(sequence):
                    return True
            elif await self._database.look(lambda c: events.is_settled(c, sequence, task)):
                return True
            else:
                await asyncio.sleep(LOOK_SECONDS)
        return False

    def look(self, connection: sa.Connection, shard: str) -> ShardState:
        state = loading.look(connection, shard, self._fidelity)
        owned_shard = self._ownership.shards.get(shard)
        known = {} if owned_shard is None else owned_shard.state.nodes
        for node in state.nodes.values():
            live = known.get(node.id)
            node.connected = live is None or live.connected
            node.is_given_up = live is not None and live.is_given_up
        return state

    def limits(self, account: str) -> Limits:
        return self._limits_of(account)()

    # -- rounds

    async def _run_rounds(self) -> None:
        while True:
            pause = ROUND_SECONDS
            try:
                await self.run_once()
                pause = await self._pause()
            except Exception:
                log.exception("looking for due rows failed")
            await asyncio.sleep(pause)

    async def run_once(self) -> None:
        """Keep the leases, turn due rows into inputs, find events that nobody announced and nodes that say
        nothing, and let go of what is idle."""
        await self._ownership.keep()
        if self.is_stopping:
            return
        now = self._clock.now().ticks
        due = await self._read(partial(work.due_until, until=now))
        await self._ownership.acquire({shard for shard, _, _ in due})
        owned_shards = self._ownership.shards
        for name, kind, subject in due:
            if name in owned_shards:
                owned_shards[name].put(Due(kind, subject))
        for name in await self._read(work.behind):
            self.wake(name)
        self._look_for_silence(now)
        for name in [name for name, shard in owned_shards.items() if shard.is_idle][:RETIRED]:
            await self._ownership.retire(name)

    async def _read(self, query: Callable[[sa.Connection, str, int], T]) -> T:
        """What there is to do that nobody else sees to."""
        name, now = self._ownership.name, self._ownership.now
        return await self._database.read(lambda connection: query(connection, name, now))

    def _look_for_silence(self, now: int) -> None:
        if now - self._looked >= LOOK_TICKS:
            self._looked = now
            for shard in self._ownership.shards.values():
                if shard.state.nodes:
                    shard.put(Look())

    async def _pause(self) -> float:
        next_due = await self._read(work.next_due)
        if next_due is None:
            return ROUND_SECONDS
        left = (next_due - self._clock.now().ticks) / TICKS_PER_SECOND
        return min(max(left, 0.01), ROUND_SECONDS)

    # -- shards

    def _begin(self, lease: OwnedShard) -> Shard:
        return Shard(
            lease,
            self._database,
            self._clock,
            self._effects,
            self._nodes,
            self._limits_of(lease.account),
            self._fidelity,
            lambda: self._ownership.holds,
            self._ownership.lose,
        )

    def _let_go(self, shard: Shard) -> None:
        """It is another's, and so are its nodes."""
        for node_id in self._nodes.let_go(shard):
            self.files.disconnected(node_id)

    def _limits_of(self, account: str) -> Callable[[], Limits]:
        found = self._accounts.find_batch(account)
        return lambda: Limits(None if found is None else found.core_quota, self._max_nodes)

    # -- routing

    def _received(self, node_id: str, messages: list[FromAgent]) -> None:
        shard = self._nodes.shard_of(node_id)
        if shard is not None:
            shard.put(Frame(node_id, messages))
        if messages and isinstance(messages[0], Hello):
            self._nodes.spoke(node_id)
        for message in messages:
            self.files.answered(node_id, message)

    async def _is_known(self, node_id: str, token_hash: bytes) -> bool:
        expected = await self._database.look(lambda c: execution.token_hash(c, node_id))
        return expected is not None and hmac.compare_digest(expected, token_hash)

    def _closed(self, node_id: str) -> None:
        self.files.disconnected(node_id)
        shard = self._nodes.shard_of(node_id)
        if shard is not None:
            shard.put(NodeClosed(node_id))

    def _lost(self, node_id: str, reason: str) -> None:
        self._nodes.lost(node_id, reason)
