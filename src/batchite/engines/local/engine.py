"""Nodes on this machine: each is an agent, detached from the service, in a directory of its own.

Agents are watched by descriptors of their processes, so the engine learns of a death whether it started
the agent or adopted it. A node is reported as lost only after everything that its agent left behind is
gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from batchite.engines.base import GRACE_SECONDS, Handle, Lost, Outcome, Pace, Taken
from batchite.engines.local import agent as agents
from batchite.engines.local import directory as directories
from batchite.engines.local import walls
from batchite.engines.local.agent import Agent
from batchite.engines.local.cgroups import Groups
from batchite.engines.local.directory import NodeDirectory
from batchite.engines.local.forging import NoMachineError
from batchite.engines.local.leftovers import SHORTAGES, Leftovers
from batchite.engines.local.machines import Machines
from batchite.engines.local.starting import Starter
from batchite.engines.local.watch import Watch, open_watch
from batchite.link.machines import PROCESSES, Isolation
from batchite.link.spec import NodeSpec
from batchite.wire.batch.vm_sizes import VmSize

CLOSE_SECONDS = 5.0
"""How long what is under way may take when the engine is closed."""
RETRY_SECONDS = 1.0
"""Before what could not be done for want of descriptors or memory is tried again."""
PAUSE_SECONDS = 0.01
"""Between two looks whether what was killed is gone."""
STARTS_OF_A_POOL = max(4, 2 * (os.cpu_count() or 1))
"""A start takes up to a tenth of a second of processor time, so more of them at once would make all late."""
THREADS = 4
"""for starting agents, and as many for removing files: a full directory delays no start"""

log = logging.getLogger(__name__)

T = TypeVar("T")


class _Node:
    """What the engine knows of a node that somebody asks something of, or that runs."""

    def __init__(self, directory: NodeDirectory) -> None:
        self.directory = directory
        self.lock = asyncio.Lock()
        """starting, stopping, adopting and clearing up after a node happen one after the other"""
        self.callers = 0
        """that have the lock or wait for it"""
        self.watch: Watch | None = None
        self.was_stopped = False
        """since it was last started"""
        self.loss: str | None = None
        """why the node is lost, while that has still to be reported"""


class LocalEngine:
    """Starts agents below `directory`; `lost` is told of each node that ends by itself.

    Whatever their size, nodes share this machine.
    """

    pace = Pace(2 * STARTS_OF_A_POOL, STARTS_OF_A_POOL)

    def __init__(self, directory: Path, lost: Lost, isolation: Isolation = PROCESSES) -> None:
        self._directory = directory.resolve()
        self._isolation = isolation
        self._machines = Machines(self._directory, isolation) if isolation.tier == "machine" else None
        self._starter = Starter()
        self._lost = lost
        self._nodes: dict[str, _Node] = {}
        self._work: set[asyncio.Task[Any]] = set()
        self._threads = ThreadPoolExecutor(THREADS, "engine")
        self._removing = ThreadPoolExecutor(THREADS, "remove")
        for waste in directories.waste(self._directory):
            self._removing.submit(directories.remove, waste)
        self._look: asyncio.Task[dict[str, Agent]] | None = None
        self._probe: asyncio.Task[Groups] | None = None
        self._leftovers = Leftovers()
        self._closed = False

    def prepare(self) -> None:
        self._threads.submit(self._prepare)

    async def start(self, specs: Sequence[NodeSpec], size: VmSize) -> Mapping[str, Outcome]:
        work = [self._begin(self._start(spec, size)) for spec in specs]
        done = await asyncio.shield(asyncio.gather(*work, return_exceptions=True))
        return {spec.node_id: _outcome(one) for spec, one in zip(specs, done, strict=True)}

    async def stop(
        self,
        node_id: str,
        handle: Handle | None,
        *,
        keep_files: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """Raises ValueError for a node id that names no directory."""
        await self._do(self._stop(node_id, handle, keep_files, grace))

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        await self._do(self._adopt(handles))

    async def log(self, node_id: str, handle: Handle | None, most_bytes: int) -> str | None:
        """Raises ValueError for a node id that names no directory."""
        directory = NodeDirectory(self._directory, node_id)
        return None if self._closed else await self._in_thread(directory.said, most_bytes)

    def found(self) -> set[str]:
        """Ids of all nodes there are, running or not. Raises OSError."""
        here = str(self._directory)
        running = {Path(directory) for directory in agents.running()}
        kept = set(self._directory.iterdir()) if self._directory.exists() else set()
        paths = {path for path in running | kept if str(path.parent) == here}
        return {path.name for path in paths if not path.name.startswith(".")}

    async def close(self) -> None:
        self._closed = True
        if self._work:
            _, late = await asyncio.wait(self._work, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
        await self._leftovers.close()
        for node in self._nodes.values():
            if node.watch is not None:
                node.watch.close()
        self._nodes.clear()
        await asyncio.to_thread(self._close_makers)
        self._threads.shutdown(wait=False)
        self._removing.shutdown(wait=False, cancel_futures=True)

    def _prepare(self) -> None:
        if self._closed:
            return
        try:
            self._starter.begin()
            if self._machines is not None:
                self._machines.begin()
        except OSError as error:  # the first node will try again
            log.warning("the first nodes will take longer: %s", error)

    def _close_makers(self) -> None:
        self._starter.close()
        if self._machines is not None:
            self._machines.close()

    async def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry it out, also if the caller is cancelled: a node half started would be nobody's."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    @asynccontextmanager
    async def _held(self, node_id: str) -> AsyncIterator[_Node]:
        """The node, for one caller at a time. It is forgotten when it is over and nobody has to know."""
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = _Node(NodeDirectory(self._directory, node_id))
        node.callers += 1
        try:
            async with node.lock:
                yield node
        finally:
            node.callers -= 1
            if not node.callers and node.watch is None and node.loss is None:
                self._nodes.pop(node_id, None)

    # starting

    async def _start(self, spec: NodeSpec, size: VmSize) -> Handle:
        async with self._held(spec.node_id) as node:
            if node.directory.is_there:
                running = await self._find(node, None)
                if running is not None and node.directory.was_told(spec):
                    return running.agent.handle
                await self._end(node, running, GRACE_SECONDS)
            groups = await self._groups()
            agent = await self._in_thread(self._spawn, node.directory, spec, size, groups)
            try:
                started = self._watch(node, agent)
            except OSError:
                agents.kill(agent.pid)
                raise
            if started is None:
                raise ChildProcessError(f"the agent of node {spec.node_id} ended as it was started")
            node.loss, node.was_stopped = None, False
            return agent.handle

    def _spawn(self, directory: NodeDirectory, spec: NodeSpec, size: VmSize, groups: Groups) -> Agent:
        directory.tell(spec)
        group = groups.make(spec.node_id)
        if self._isolation.tier == "user":
            told = walls.tell(directory.path, spec, size, self._isolation)
            return self._starter.start(directory, group, told)
        if self._machines is None:
            return self._starter.start(directory, group, self._isolation.why)
        try:
            made = self._machines.make(directory.path, size, groups, spec.image, spec.hosts, spec.authority)
        except NoMachineError as error:
            raise OSError(f"node {spec.node_id} cannot be made a machine: {error}") from None
        with made.spawner:
            return self._starter.start(directory, group, made)

    async def _groups(self) -> Groups:
        """Tried when they are first needed, and again only if that could not be done."""
        if self._probe is None or (self._probe.done() and self._probe.exception() is not None):
            groups = partial(Groups, self._directory, limiting=self._machines is not None)
            self._probe = self._begin(self._in_thread(groups))
        return await asyncio.shield(self._probe)

    # stopping

    async def _stop(self, node_id: str, handle: Handle | None, keep_files: bool, grace: float) -> None:
        async with self._held(node_id) as node:
            node.loss, node.was_stopped = None, True
            if node.watch is None and handle is None and not node.directory.is_there:
                return  # it was never begun
            await self._end(node, await self._find(node, handle), grace)
            if not keep_files:
                self._discard(node.directory)

    async def _end(self, node: _Node, running: Watch | None, grace: float) -> None:
        if running is not None:
            await running.end(grace)
        groups = await self._groups()
        while not await self._in_thread(groups.end, node.directory.path.name):  # noqa: ASYNC110 (no event)
            await asyncio.sleep(PAUSE_SECONDS)
        await self._leftovers.end(node.directory.root, node.directory.called)

    def _discard(self, directory: NodeDirectory) -> None:
        waste = directory.discard()
        if waste is not None:
            self._removing.submit(directories.remove, waste)

    # adopting

    async def _adopt(self, handles: Mapping[str, Handle | None]) -> None:
        known = {node_id: agents.of_handle(handle) for node_id, handle in handles.items()}
        unknown = [node_id for node_id, agent in known.items() if agent is None]
        if unknown:
            running = await self._running()
            known |= {node_id: running.get(str(self._directory / node_id)) for node_id in unknown}
        adopted = [self._adopt_one(node_id, agent) for node_id, agent in known.items()]
        for error in await asyncio.gather(*adopted, return_exceptions=True):
            if error is not None:
                raise error

    async def _adopt_one(self, node_id: str, agent: Agent | None) -> None:
        async with self._held(node_id) as node:
            if node.watch is not None or node.was_stopped:
                return
            if agent is None or self._watch(node, agent) is None:
                self._mourn(node_id, node, "its agent was gone when the service started")

    async def _find(self, node: _Node, handle: Handle | None) -> Watch | None:
        """The node's agent, watched; whoever started it."""
        if node.watch is not None:
            return node.watch
        agent = agents.of_handle(handle)
        if agent is None and node.directory.is_there:
            agent = (await self._running()).get(str(node.directory.path))
        return None if agent is None else self._watch(node, agent)

    async def _running(self) -> dict[str, Agent]:
        """Agents of earlier processes of the service; those who ask at the same time share a look."""
        if self._look is None or self._look.done():
            self._look = self._begin(self._in_thread(agents.running))
        return await asyncio.shield(self._look)

    # watching

    def _watch(self, node: _Node, agent: Agent) -> Watch | None:
        """None if the agent has ended meanwhile."""

        def ended(watch: Watch) -> None:
            agent.bury()
            node.watch = None
            if not watch.is_expected_to_end:
                self._mourn(node.directory.path.name, node, "its agent ended")

        node.watch = open_watch(agent, ended)
        return node.watch

    def _mourn(self, node_id: str, node: _Node, reason: str) -> None:
        node.loss = reason
        self._begin(self._report(node_id))

    async def _report(self, node_id: str) -> None:
        while True:
            try:
                return await self._clear_up(node_id)
            except SHORTAGES as error:
                log.warning("node %s is gone, but what it left cannot be looked for: %s", node_id, error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _clear_up(self, node_id: str) -> None:
        """Report the loss once nothing of the node runs, unless it was stopped or started meanwhile."""
        async with self._held(node_id) as node:
            if node.loss is None:
                return
            last_words = await self._in_thread(node.directory.last_words)
            await self._end(node, None, 0)
            if not self._closed:
                self._lost(node_id, f"{node.loss}: {last_words}" if last_words else node.loss)
            node.loss = None


def _outcome(result: Handle | BaseException) -> Outcome:
    """What is no Exception, such as that the engine was closed, is not about the node."""
    if isinstance(result, Exception):
        return result
    if isinstance(result, BaseException):
        raise result
    return Taken(result)
