"""Runs the shards: the API's counterpart on the side of the nodes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping

from batchite.accounts import Accounts
from batchite.dispatch.effects import Effects, Surroundings
from batchite.dispatch.files import LinkedFiles
from batchite.dispatch.inputs import Due, Frame, NodeClosed
from batchite.dispatch.links import Links
from batchite.dispatch.shard import Shard
from batchite.engines.base import Engine, Lost
from batchite.fidelity import Fidelity
from batchite.link.messages import FromAgent
from batchite.store.batch import owned, shards
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND, Clock

ROUND_SECONDS = 1.0
"""How often due rows and events nobody woke us for are looked up, at the latest."""

log = logging.getLogger(__name__)


class Dispatch:
    """Owner of all shards. Implements `ports.Owner`; `files` implements `ports.NodeFiles`.

    `make_engine` is given the function to call when a node is lost. `account_url` is the Batch
    endpoint, for agents and tasks; `environment` is given to every task. `link_app` and `transfer_app`
    are ASGI apps for the agents, to be mounted at `/-/nodes` and `/-/transfers`.
    """

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        make_engine: Callable[[Lost], Engine],
        *,
        account_url: str,
        environment: Mapping[str, str],
        fidelity: Fidelity,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock
        self._fidelity = fidelity
        self._name = secrets.token_hex(8)
        self._links = Links(self._received, self._closed)
        self._engine = make_engine(self._lost)
        surroundings = Surroundings(account_url, environment)
        self._effects = Effects(database, self._links, self._engine, surroundings)
        self.files = LinkedFiles(self._links)
        self._shards: dict[str, Shard] = {}
        self._acquiring = asyncio.Lock()
        self._acquisitions: set[asyncio.Task[None]] = set()
        self._rounds: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def link_app(self) -> Links:
        return self._links

    @property
    def transfer_app(self) -> LinkedFiles:
        return self.files

    async def start(self) -> None:
        """Take over every shard and begin; agents may connect once this returns."""
        for name in await self._database.read(shards.all_names):
            await self._acquire(name)
        for shard in self._shards.values():
            await shard.loaded()
        self._rounds = asyncio.create_task(self._run_rounds(), name="rounds")

    async def stop(self, end_nodes: bool) -> bool:
        """Stop deciding. With `end_nodes` the nodes are ended in order and boot again at the next
        start; their tasks return to active. Without, nodes and tasks go on.

        Returns whether all that was to end has ended. What has not is recorded as running, and the next
        start takes it over.
        """
        self._stopping = True
        async with self._acquiring:  # from here on there are no new shards
            owned_shards = list(self._shards.values())
        if self._rounds is not None:
            self._rounds.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rounds
        for shard in owned_shards:
            await shard.stop()
        remain = await self._effects.end_nodes() if end_nodes else set()
        if end_nodes:
            for shard in owned_shards:
                if shard.name not in remain:
                    await shard.send_home()
        await self._effects.close()
        await self._engine.close()
        return not remain

    # -- ports.Owner

    def wake(self, shard: str) -> None:
        owned_shard = self._shards.get(shard)
        if owned_shard is not None:
            owned_shard.wake()
        elif not self._stopping:
            task = asyncio.ensure_future(self._acquire(shard))
            self._acquisitions.add(task)
            task.add_done_callback(self._acquisitions.discard)

    async def settled(self, shard: str, sequence: int, seconds: float) -> bool:
        if shard not in self._shards:
            await self._acquire(shard)
        return await self._shards[shard].settled(sequence, seconds)

    # -- rounds

    async def _run_rounds(self) -> None:
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("looking for due rows failed")
            await asyncio.sleep(await self._pause())

    async def run_once(self) -> None:
        """Turn due rows into inputs, and find events that nobody announced."""
        now = self._clock.now().ticks
        due, behind = await self._database.read(
            lambda connection: (owned.due_until(connection, now), shards.with_events(connection))
        )
        for shard, kind, subject in due:
            self._shards[shard].put(Due(kind, subject))
        for shard in behind:
            self.wake(shard)

    async def _pause(self) -> float:
        next_due = await self._database.read(owned.next_due)
        if next_due is None:
            return ROUND_SECONDS
        left = (next_due - self._clock.now().ticks) / TICKS_PER_SECOND
        return min(max(left, 0.01), ROUND_SECONDS)

    # -- routing

    async def _acquire(self, name: str) -> None:
        async with self._acquiring:
            if name in self._shards or self._stopping:
                return
            lease = await self._database.write(
                lambda connection: shards.acquire(connection, name, self._name)
            )
            quota = self._quota_of(lease.account)
            shard = Shard(lease, self._database, self._clock, self._effects, quota, self._fidelity)
            self._shards[name] = shard
            shard.start()

    def _quota_of(self, account: str) -> Callable[[], int | None]:
        found = self._accounts.find_batch(account)
        return lambda: None if found is None else found.core_quota

    def _received(self, node_id: str, messages: list[FromAgent]) -> None:
        shard = self._effects.shard_of(node_id)
        if shard is not None:
            shard.put(Frame(node_id, messages))
        for message in messages:
            self.files.answered(node_id, message)

    def _closed(self, node_id: str) -> None:
        self.files.disconnected(node_id)
        shard = self._effects.shard_of(node_id)
        if shard is not None:
            shard.put(NodeClosed(node_id))

    def _lost(self, node_id: str, reason: str) -> None:
        self._effects.lost(node_id, reason)
