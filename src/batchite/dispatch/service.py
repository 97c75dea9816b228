"""Runs the shards: the API's counterpart on the side of the nodes."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.dispatch import loading
from batchite.dispatch.auto_storage import AutoStorage
from batchite.dispatch.effects import Effects
from batchite.dispatch.files import LinkedFiles
from batchite.dispatch.inbox import Inbox
from batchite.dispatch.inputs import Frame, NodeClosed
from batchite.dispatch.links import Links
from batchite.dispatch.nodes import Nodes
from batchite.dispatch.ownership import Ownership
from batchite.dispatch.questions import Questions
from batchite.dispatch.reactors.account import AccountReactor
from batchite.dispatch.reactors.base import Reactor
from batchite.dispatch.reactors.pool import PoolReactor
from batchite.dispatch.rounds import Rounds
from batchite.dispatch.runner import AnyRunner, Runner
from batchite.dispatch.surroundings import Surroundings, this_machine
from batchite.dispatch.task_tokens import TaskTokens
from batchite.engines.base import Lost
from batchite.engines.registry import Engines
from batchite.link.messages import (
    BlobService,
    FromAgent,
    Hello,
    LogsChosen,
    MeasureUse,
    UploadLogs,
    UseMeasured,
)
from batchite.link.spec import Authority, NodeImage
from batchite.ports.node_files import NodeUnreachableError
from batchite.ports.owner import NodeUse
from batchite.resources.keys import is_account
from batchite.scheduling.room import Limits
from batchite.scheduling.state import ShardState
from batchite.store.batch import events, execution, shards, work
from batchite.store.batch.shards import LeaseLostError, OwnedShard
from batchite.store.database import Database
from batchite.wire.ticks import Clock, Duration

LOOK_SECONDS = 0.1
"""How often the store is asked for what another owner is to do."""
USE_SECONDS = 3.0
"""How long a node may take to say what it uses."""

log = logging.getLogger(__name__)


class Dispatch:
    """Owner of all shards that nobody else owns.

    Implements `ports.Owner`; `files` implements `ports.NodeFiles`.

    `make_engines` is given the function to call when a node is lost. Agents connect to `service_url`,
    tasks find the API at `account_url`; `environment` is given to every task. `node_image` says what the
    image of a pool means for its nodes; it is called in a thread. There are no more than `max_nodes` nodes
    in all. Nodes reach our Blob service, if it runs, at `blob_url`. `hosts` gives lines for the hosts files
    of nodes, `authority` signs for the names in them, `authorities` is the file of ours that `environment`
    names, if it does. `lease` is how long shards stay with who does not renew it; None if the database is
    nobody else's. `link_app` and `transfer_app` are ASGI apps for the agents, to be mounted at `/-/nodes` and
    `/-/transfers`.
    """

    def __init__(
        self,
        database: Database,
        accounts: KnownAccounts,
        clock: Clock,
        make_engines: Callable[[Lost], Engines],
        *,
        service_url: str,
        account_url: str,
        environment: Mapping[str, str],
        node_image: Callable[[str], NodeImage] = this_machine,
        fidelity: Fidelity,
        scheduling: Scheduling = IN_ORDER,
        lease: Duration | None,
        max_nodes: int | None = None,
        blob_url: str = "",
        hosts: Callable[[], tuple[str, ...]] = tuple,
        authority: Authority | None = None,
        authorities: str = "",
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock
        self._fidelity = fidelity
        self._scheduling = scheduling
        self._max_nodes = max_nodes
        self._blob_url = blob_url
        self._hosts = hosts
        self._links = Links(self._received, self._closed, self._is_known, blob_service=self._blob_service)
        self._engines = make_engines(self._lost)
        surroundings = Surroundings(
            service_url, account_url, environment, node_image, hosts, authority, authorities
        )
        self._nodes = Nodes(database, self._links, self._engines, surroundings)
        auto_storage = AutoStorage(accounts, clock, blob_url)
        task_tokens = TaskTokens(accounts, clock)
        self._effects = Effects(database, self._links, self._nodes, auto_storage, task_tokens, self.wake)
        self._questions = Questions(self._links)
        self.files = LinkedFiles(self._questions)
        self._ownership = Ownership(database, clock, lease, self._begin, self._let_go)
        self._rounds = Rounds(database, clock, self._ownership, self._links.retell)
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
    def shards(self) -> Mapping[str, AnyRunner]:
        """Those that it owns and has in memory, by name."""
        return self._ownership.shards

    async def start(self) -> None:
        """Take every shard with something to do and begin; agents may connect once this returns."""
        await self._database.write(shards.forget_unused)
        await self._ownership.acquire(await self._rounds.read(work.shards_with_some))
        for shard in list(self._ownership.shards.values()):
            await shard.loaded()
        self._rounds.start()

    def prepare(self) -> None:
        """Have engines ready for their first nodes, now that nothing else waits."""
        self._engines.prepare()

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
        await self._rounds.stop()  # until now they have kept the leases
        await self._ownership.give_back()
        await self._effects.close()
        await self._nodes.close()
        await self._engines.close()
        return not remain

    async def _send_home(self, shard: AnyRunner) -> None:
        try:
            self.interrupted += await shard.store(shard.reactor.sent_home)
        except LeaseLostError:
            log.warning("what becomes of the tasks of shard %s is for its new owner to say", shard.name)

    # -- ports.Owner

    def wake(self, shard: str) -> None:
        self._ownership.wake(shard)

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

    def look(self, connection: sa.Connection, shard: str, *, with_tasks: bool = True) -> ShardState:
        state = loading.look(connection, shard, self._fidelity, self._scheduling, with_tasks=with_tasks)
        for node in state.nodes.values():
            owner = self._nodes.shard_of(node.id)
            live = None if owner is None else owner.state.nodes.get(node.id)
            node.connected = live is None or live.connected
            node.is_given_up = live is not None and live.is_given_up
            node.is_preparing = live is not None and live.is_preparing
            if owner is not None and not state.kept:
                state.kept = dict(owner.state.kept)
        return state

    async def agent_log(self, node_id: str, most_bytes: int) -> str | None:
        return await self._nodes.log(node_id, most_bytes)

    async def use(self, node_id: str) -> NodeUse | None:
        try:
            answer = await self._questions.ask(node_id, MeasureUse, USE_SECONDS)
        except NodeUnreachableError:
            return None
        return answer if isinstance(answer, UseMeasured) else None

    async def upload_logs(
        self, node_id: str, container_url: str, directory: str, start: int, end: int | None
    ) -> int:
        answer = await self._questions.ask(
            node_id, lambda number: UploadLogs(number, container_url, directory, start, end)
        )
        if not isinstance(answer, LogsChosen):
            raise NodeUnreachableError(node_id)
        return answer.files

    def limits(self, account: str) -> Limits:
        return self._limits_of(account)()

    async def run_once(self) -> None:
        """A round, now."""
        await self._rounds.run_once()

    # -- shards

    def _begin(self, lease: OwnedShard) -> AnyRunner:
        inbox = Inbox()
        reactor: Reactor[Any] = (
            self._of_account(lease, inbox) if is_account(lease.shard) else self._of_pool(lease, inbox)
        )
        holds, lose = (lambda: self._ownership.holds), self._ownership.lose
        return Runner(lease, self._database, inbox, reactor, holds, lose)

    def _of_pool(self, lease: OwnedShard, inbox: Inbox) -> PoolReactor:
        return PoolReactor(
            lease,
            self._database,
            self._clock,
            inbox,
            self._effects,
            self._nodes,
            self._limits_of(lease.account),
            self._fidelity,
            self._scheduling,
        )

    def _of_account(self, lease: OwnedShard, inbox: Inbox) -> AccountReactor:
        return AccountReactor(
            lease,
            self._database,
            self._clock,
            inbox,
            self._limits_of(lease.account),
            Duration.of(seconds=self._fidelity.autoscale_sample),
            self.wake,
        )

    def _let_go(self, shard: str) -> None:
        """It is another's, and so are its nodes."""
        for node_id in self._nodes.let_go(shard):
            self._questions.disconnected(node_id)

    def _limits_of(self, account: str) -> Callable[[], Limits]:
        def limits() -> Limits:
            found = self._accounts.find_batch(account)
            return Limits(None if found is None else found.core_quota, self._max_nodes)

        return limits

    # -- routing

    def _received(self, node_id: str, messages: list[FromAgent]) -> None:
        shard = self._nodes.shard_of(node_id)
        if shard is not None:
            shard.put(Frame(node_id, messages))
        if messages and isinstance(messages[0], Hello):
            self._nodes.spoke(node_id)
        for message in messages:
            self._questions.answered(node_id, message)

    async def _is_known(self, node_id: str, token_hash: bytes) -> bool:
        expected = await self._database.look(lambda c: execution.token_hash(c, node_id))
        return expected is not None and hmac.compare_digest(expected, token_hash)

    def _blob_service(self) -> BlobService | None:
        names = tuple(account.name for account in self._accounts.own_storage)
        return BlobService(self._blob_url, names, self._hosts()) if self._blob_url else None

    def _closed(self, node_id: str) -> None:
        self._questions.disconnected(node_id)
        shard = self._nodes.shard_of(node_id)
        if shard is not None:
            shard.put(NodeClosed(node_id))

    def _lost(self, node_id: str, reason: str) -> None:
        self._nodes.lost(node_id, reason)
