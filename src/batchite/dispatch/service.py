"""Runs the shards: the API's counterpart on the side of the nodes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Mapping

from batchite.configuration.accounts import Accounts
from batchite.configuration.fidelity import Fidelity
from batchite.dispatch.effects import Effects
from batchite.dispatch.files import LinkedFiles
from batchite.dispatch.inputs import Due, Frame, Look, NodeClosed
from batchite.dispatch.links import Links
from batchite.dispatch.nodes import Nodes
from batchite.dispatch.shard import Shard
from batchite.dispatch.surroundings import Surroundings
from batchite.engines.base import Engine, Lost
from batchite.link.messages import FromAgent, Hello
from batchite.scheduling.room import Limits
from batchite.scheduling.silence import LOOK_TICKS
from batchite.store.batch import events, owned, shards
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND, Clock

ROUND_SECONDS = 1.0
"""How often due rows and events nobody woke us for are looked up, at the latest."""

RETIRED = 50
"""Shards that are given up in one round; due rows are not to wait for more."""

log = logging.getLogger(__name__)


class Dispatch:
    """Owner of all shards. Implements `ports.Owner`; `files` implements `ports.NodeFiles`.

    `make_engine` is given the function to call when a node is lost. Agents connect to `service_url`,
    tasks find the API at `account_url`; `environment` is given to every task. There are no more than
    `max_nodes` nodes in all. `link_app` and `transfer_app` are ASGI apps for the agents, to be mounted at
    `/-/nodes` and `/-/transfers`.
    """

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        make_engine: Callable[[Lost], Engine],
        *,
        service_url: str,
        account_url: str,
        environment: Mapping[str, str],
        fidelity: Fidelity,
        max_nodes: int | None = None,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock
        self._fidelity = fidelity
        self._max_nodes = max_nodes
        self._name = secrets.token_hex(8)
        self._links = Links(self._received, self._closed)
        self._engine = make_engine(self._lost)
        surroundings = Surroundings(service_url, account_url, environment)
        self._nodes = Nodes(database, self._links, self._engine, surroundings)
        self._effects = Effects(database, self._links, self._nodes)
        self.files = LinkedFiles(self._links)
        self._shards: dict[str, Shard] = {}
        self._changing_hands = asyncio.Lock()
        """held while shards are taken or given up"""
        self._acquisitions: set[asyncio.Task[None]] = set()
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

    async def start(self) -> None:
        """Take every shard with something to do and begin; agents may connect once this returns."""
        await self._database.write(shards.forget_unused)
        await self._acquire(await self._database.read(shards.with_work))
        for shard in self._shards.values():
            await shard.loaded()
        self._rounds = asyncio.create_task(self._run_rounds(), name="rounds")

    async def stop(self, end_nodes: bool) -> bool:
        """Stop deciding. With `end_nodes` the nodes are ended in order and boot again at the next
        start; their tasks return to active. Without, nodes and tasks go on.

        Returns whether all that was to end has ended. What has not is recorded as running, and the next
        start takes it over.
        """
        self.is_stopping = True
        async with self._changing_hands:  # from here on there are no new shards
            owned_shards = list(self._shards.values())
        if self._rounds is not None:
            self._rounds.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rounds
        for shard in owned_shards:
            await shard.stop()
        remain = await self._nodes.end() if end_nodes else set()
        if end_nodes:
            for shard in owned_shards:
                if shard.name not in remain:
                    self.interrupted += await shard.send_home()
        await self._effects.close()
        await self._nodes.close()
        await self._engine.close()
        return not remain

    # -- ports.Owner

    def wake(self, shard: str) -> None:
        owned_shard = self._shards.get(shard)
        if owned_shard is not None and not owned_shard.is_closing:
            owned_shard.wake()
        elif not self.is_stopping:
            task = asyncio.ensure_future(self._acquire([shard]))
            self._acquisitions.add(task)
            task.add_done_callback(self._acquisitions.discard)

    async def settled(self, shard: str, sequence: int, seconds: float) -> bool:
        owned_shard = self._shards.get(shard)
        if owned_shard is None or owned_shard.is_closing:
            await self._acquire([shard])
            owned_shard = self._shards.get(shard)
        return owned_shard is not None and await owned_shard.settled(sequence, seconds)

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
        """Turn due rows into inputs, find events that nobody announced and nodes that say nothing, and let
        go of what is idle."""
        now = self._clock.now().ticks
        due, behind = await self._database.read(
            lambda connection: (owned.due_until(connection, now), events.shards(connection))
        )
        await self._acquire({shard for shard, _, _ in due})
        for shard, kind, subject in due:
            if shard in self._shards:
                self._shards[shard].put(Due(kind, subject))
        for shard in behind:
            self.wake(shard)
        self._look_for_silence(now)
        for name in [name for name, shard in self._shards.items() if shard.is_idle][:RETIRED]:
            await self._retire(name)

    def _look_for_silence(self, now: int) -> None:
        if now - self._looked >= LOOK_TICKS:
            self._looked = now
            for shard in self._shards.values():
                if shard.state.nodes:
                    shard.put(Look())

    async def _pause(self) -> float:
        next_due = await self._database.read(owned.next_due)
        if next_due is None:
            return ROUND_SECONDS
        left = (next_due - self._clock.now().ticks) / TICKS_PER_SECOND
        return min(max(left, 0.01), ROUND_SECONDS)

    # -- shards

    async def _acquire(self, names: Collection[str]) -> None:
        """Take those that are not here yet; none while stopping."""
        async with self._changing_hands:
            new = [name for name in names if name not in self._shards]
            if not new or self.is_stopping:
                return
            leases = await self._database.write(lambda c: shards.acquire(c, new, self._name))
            for lease in leases:
                shard = self._shards[lease.shard] = Shard(
                    lease,
                    self._database,
                    self._clock,
                    self._effects,
                    self._nodes,
                    self._limits_of(lease.account),
                    self._fidelity,
                )
                shard.start()

    async def _retire(self, name: str) -> None:
        async with self._changing_hands:
            shard = self._shards.get(name)
            if shard is not None and shard.is_idle and not self.is_stopping and await shard.retire():
                del self._shards[name]

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

    def _closed(self, node_id: str) -> None:
        self.files.disconnected(node_id)
        shard = self._nodes.shard_of(node_id)
        if shard is not None:
            shard.put(NodeClosed(node_id))

    def _lost(self, node_id: str, reason: str) -> None:
        self._nodes.lost(node_id, reason)
