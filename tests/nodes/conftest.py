from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from tests.nodes.peer import Peer, node_spec, peer

from batchite.link.messages import Hello
from batchite.link.spec import FILE_NAME

DRIVER = """
import asyncio, sys, msgspec
from batchite.machine.clock import SystemClock
from batchite.link.spec import NodeSpec
from batchite.nodes.agent import Agent, Limits
node, limits = sys.argv[1], msgspec.json.decode(sys.argv[2], type=Limits)
with open(node + "/agent.json", "rb") as file:
    spec = msgspec.json.decode(file.read(), type=NodeSpec)
async def main():
    return await Agent(spec, node, SystemClock(), limits).run()
print(asyncio.run(main()), file=sys.stderr)
"""


class RunningAgent:
    """An agent in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    async def over(self) -> str:
        """Wait for its end; returns what it said."""
        assert await asyncio.to_thread(self.process.wait, 20) == 0, self._log.read_text()
        return self._log.read_text()


StartAgent = Callable[..., Awaitable[RunningAgent]]


def spawn(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(words, stdout=output, stderr=output, start_new_session=True)


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
async def start_agent(service: Peer, node: Path, tmp_path: Path) -> AsyncIterator[StartAgent]:
    """Start the node's agent and wait for its `Hello` (unless `awaited` is false)."""
    agents: list[RunningAgent] = []

    async def start(
        limits: dict[str, float] | None = None, *, awaited: bool = True, **spec: object
    ) -> RunningAgent:
        (node / FILE_NAME).write_bytes(msgspec.json.encode(node_spec(**{"service_url": service.url, **spec})))
        log = tmp_path / "log.txt"
        words = [
            sys.executable,
            "-c",
            DRIVER,
            str(node),
            msgspec.json.encode(limits or {"grace": 0.3}).decode(),
        ]
        process = await asyncio.to_thread(spawn, words, log)
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
