from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.nodes import forking
from tests.nodes.peer import DEADLINE, Peer, node_spec, peer

from batchite.link.messages import Hello
from batchite.link.spec import FILE_NAME


class RunningAgent:
    """An agent in a process of its own."""

    def __init__(self, process: forking.Forked, log: Path) -> None:
        self.process = process
        self._log = log

    async def over(self) -> str:
        """Wait for its end; returns what it said."""
        assert await asyncio.to_thread(self.process.wait, DEADLINE) == 0, self._log.read_text()
        return self._log.read_text()


StartAgent = Callable[..., Awaitable[RunningAgent]]


@pytest.fixture(scope="session")
def fork_server() -> Iterator[forking.Server]:
    with forking.serving() as server:
        yield server


@pytest.fixture
async def service() -> AsyncIterator[Peer]:
    async with peer() as running:
        yield running


@pytest.fixture
def node(tmp_path: Path) -> Path:
    directory = tmp_path / "node"
    directory.mkdir()
    return directory


@pytest.fixture
async def start_agent(
    service: Peer, node: Path, tmp_path: Path, fork_server: forking.Server
) -> AsyncIterator[StartAgent]:
    """Start the node's agent and wait for its `Hello` (unless `awaited` is false)."""
    agents: list[RunningAgent] = []

    async def start(
        limits: dict[str, float] | None = None, *, awaited: bool = True, **spec: object
    ) -> RunningAgent:
        (node / FILE_NAME).write_bytes(msgspec.json.encode(node_spec(**{"service_url": service.url, **spec})))
        log = tmp_path / "log.txt"
        process = fork_server.start(node, limits or {"grace": 0.3}, log)
        agents.append(RunningAgent(process, log))
        if awaited:
            await service.first(Hello)
        return agents[-1]

    yield start
    for agent in agents:
        agent.process.terminate()
        await agent.over()


@pytest.fixture
async def agent(start_agent: StartAgent) -> RunningAgent:
    """An agent of a node with two slots."""
    return await start_agent(slots=2)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """By which tasks and tests wait for each other."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path
