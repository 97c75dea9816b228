"""What follows a commit: messages to agents, and requests to the engine."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from batchite.dispatch.inputs import Input, JobPurged, NodeEnded, NodeStarted
from batchite.dispatch.links import Links, hash_token
from batchite.dispatch.loading import KnownNode
from batchite.engines.base import Engine, Handle
from batchite.engines.ending import end_all
from batchite.link import messages as link
from batchite.link.spec import NodeSpec
from batchite.scheduling.decisions import (
    Effect,
    EndTask,
    PurgeJob,
    RecallTask,
    RemoveTaskFiles,
    RunStartTask,
    RunTask,
    StartNode,
    StopNode,
)
from batchite.scheduling.ending import Failure
from batchite.scheduling.state import ShardState
from batchite.store.batch import execution
from batchite.store.database import Database
from batchite.wire.batch import vm_sizes

PURGE_ROWS = 5000
"""Tasks removed in one transaction when a job is deleted."""

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
    busy: asyncio.Task[None] | None = None
    """starting or stopping it"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every node."""

    account_url: str
    """the Batch endpoint, where agents connect to and tasks find the API"""
    environment: Mapping[str, str]
    """for every task"""


class Effects:
    """Carries out effects for all shards of this process."""

    def __init__(self, database: Database, links: Links, engine: Engine, surroundings: Surroundings) -> None:
        self._database = database
        self._links = links
        self._engine = engine
        self._surroundings = surroundings
        self._nodes: dict[str, _Node] = {}
        self._purging: set[int] = set()
        self._background: set[asyncio.Task[None]] = set()

    # -- nodes this process answers for

    def know(self, shard: Target, nodes: Mapping[str, KnownNode]) -> None:
        """The shard has these nodes (too); those known already keep what is under way."""
        for node_id, known in nodes.items():
            if node_id not in self._nodes:
                handle = None if known.handle is None else Handle(known.handle)
                self._nodes[node_id] = _Node(known.number, shard, handle)
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

    async def drop_links(self, node_ids: list[str]) -> None:
        """Make agents connect anew, and so repeat what was not acknowledged."""
        for node_id in node_ids:
            await self._links.drop(node_id)

    async def end_nodes(self) -> set[str]:
        """End every node in order; their files stay for when they boot again.

        Returns the names of shards of whose nodes something may still run.
        """
        await self.close()
        nodes, self._nodes = self._nodes, {}
        for node_id in nodes:
            self._links.send(node_id, link.Leave())
        remain = await end_all(self._engine, {node_id: node.handle for node_id, node in nodes.items()})
        for node_id, why in remain.items():
            log.error("node %s could not be ended: %s", node_id, why)
        return {nodes[node_id].shard.name for node_id in remain}

    async def close(self) -> None:
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    # -- effects

    def send(self, node_id: str, message: link.Message) -> None:
        self._links.send(node_id, message)

    def carry_out(self, shard: Target, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case RunTask():
                    self._run_task(shard, effect)
                case EndTask(node, task, attempt, failure):
                    self.send(node, link.EndTask(task, attempt, _failure(failure)))
                case RecallTask(node, task, attempt):
                    self.send(node, link.RecallTask(task, attempt))
                case RunStartTask(node, attempt, definition):
                    self.send(node, link.RunStartTask(attempt, definition))
                case RemoveTaskFiles(node, job_id, task_id):
                    self.send(node, link.RemoveTaskFiles(job_id, task_id))
                case StartNode(node):
                    self._begin(node, self._start_node)
                case StopNode(node):
                    self._begin(node, self._stop_node)
                case PurgeJob(job):
                    self._purge(shard, job)

    def _run_task(self, shard: Target, effect: RunTask) -> None:
        job = shard.state.jobs.get(effect.job)
        if job is None:
            return
        task = effect.task
        definition = task.definition
        if job.common_environment:
            definition = with_common_environment(definition, job.common_environment)
        message = link.RunTask(task.number, effect.attempt, job.id, task.id, task.slots, definition)
        self.send(effect.node, message)

    def _begin(self, node_id: str, work: Callable[[str, _Node], Coroutine[Any, Any, None]]) -> None:
        """Start or stop a node in the background, one after the other if both are wanted."""
        node = self._nodes.get(node_id)
        if node is None:
            return
        before = node.busy

        async def run() -> None:
            if before is not None:
                await asyncio.wait((before,))
            await work(node_id, node)

        node.busy = self._spawn(run())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _start_node(self, node_id: str, node: _Node) -> None:
        try:
            if node_id not in node.shard.state.nodes:
                return
            token = secrets.token_urlsafe(32)
            token_hash = hash_token(token)
            spec = self._spec(node_id, node, token)
            await self._database.write(lambda c: execution.record_start(c, node.number, token_hash))
            self._links.expect(node_id, token_hash)
            node.handle = handle = await self._engine.start(spec)
            await self._database.write(lambda c: execution.record_handle(c, node.number, handle))
            node.shard.put(NodeStarted(node_id))
        except Exception:
            log.exception("node %s could not be started", node_id)
            await self._stop_node(node_id, node)

    async def _stop_node(self, node_id: str, node: _Node) -> None:
        self._links.send(node_id, link.Leave())
        try:
            await self._engine.stop(node_id, node.handle)
        except Exception:
            log.exception("node %s could not be stopped; its tasks stay where they are", node_id)
            return
        await self.forget(node_id)
        node.shard.put(NodeEnded(node_id))

    async def forget(self, node_id: str) -> None:
        """The node is no more."""
        self._nodes.pop(node_id, None)
        await self._links.forget(node_id)

    def lost(self, node_id: str, reason: str) -> None:
        """The engine says that nothing of the node runs any more."""
        node = self._nodes.get(node_id)
        if node is None:
            return
        log.warning("node %s is lost: %s", node_id, reason)
        self._begin(node_id, self._stop_node)

    def _spec(self, node_id: str, node: _Node, token: str) -> NodeSpec:
        shard = node.shard
        pool = shard.state.pool
        if pool is None:
            raise LookupError(f"node {node_id} has no pool")
        size = vm_sizes.find(pool.vm_size)
        return NodeSpec(
            node_id=node_id,
            pool_id=pool.id,
            account=shard.account,
            account_url=self._surroundings.account_url,
            service_url=self._surroundings.account_url,
            token=token,
            dedicated=shard.state.nodes[node_id].dedicated,
            vm_size=pool.vm_size,
            cores=pool.node_cores,
            memory_mib=size.memory_mib if size is not None else 0,
            slots=pool.slots_per_node,
            environment=dict(self._surroundings.environment),
        )

    def _purge(self, shard: Target, number: int) -> None:
        if number in self._purging:
            return
        self._purging.add(number)
        job = shard.state.jobs[number]
        for node_id in shard.state.nodes:
            self.send(node_id, link.RemoveJobFiles(job.id))
        self._spawn(self._purge_rows(shard, number))

    async def _purge_rows(self, shard: Target, number: int) -> None:
        try:
            while not await self._database.write(lambda c: execution.purge_job(c, number, PURGE_ROWS)):
                pass
            shard.put(JobPurged(number))
        except Exception:
            log.exception("job %d could not be removed; it will be tried again at the next start", number)
        finally:
            self._purging.discard(number)


def with_common_environment(definition: bytes, common: bytes) -> bytes:
    """The task's JSON with the job's settings added; a task's own setting of the same name wins."""
    task = msgspec.json.decode(definition)
    own = task.get("environmentSettings") or []
    names = {setting["name"] for setting in own}
    shared = [setting for setting in msgspec.json.decode(common) if setting["name"] not in names]
    return msgspec.json.encode(task | {"environmentSettings": shared + own})


def _failure(failure: Failure) -> link.Failure:
    return link.Failure(failure.category, failure.code, failure.message, failure.details)
