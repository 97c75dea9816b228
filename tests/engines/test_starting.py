"""How agents of the local engine come about: forked from a server, or by themselves where that fails."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.conformance import begin, is_running, start, until
from tests.engines.local_world import LocalWorld, command_line, of_kernel
from tests.nodes.peer import NODE, node_spec, peer, task

from batchite.engines.local import agent as agents
from batchite.engines.local.beside import Beside, GoneError
from batchite.link import fork_server
from batchite.link.fork_server import Start
from batchite.link.messages import Hello
from batchite.machine import passing, proc


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    async with peer() as service:
        world = LocalWorld(service, tmp_path)
        yield world
        await world.clear()


def parent_of(pid: int) -> int:
    process = proc.read(pid)
    assert process is not None
    return process.parent


def servers() -> list[int]:
    """Fork servers of this process; agents have had these words as well, for a moment."""
    return [
        process.pid
        for process in proc.all_processes()
        if process.parent == os.getpid() and fork_server.MODULE in command_line(str(process.pid))
    ]


async def test_agents_are_forked_from_one_server(world: LocalWorld) -> None:
    engine = world.engine()
    await start(world, engine)
    await start(world, engine, node_id="another")
    (server,) = servers()
    assert {parent_of(world.agent(node_id)) for node_id in (NODE, "another")} == {server}
    words = [word for word in command_line(str(world.agent(NODE))) if word]
    assert words == [sys.executable, "-S", "-P", "-m", "batchite.nodes", str(world.nodes / NODE)]
    assert b"the-token" not in of_kernel(server, "environ") + of_kernel(server, "cmdline")


async def test_the_server_is_there_before_the_first_node_if_the_engine_prepares(world: LocalWorld) -> None:
    engine = world.engine()
    assert servers() == []
    engine.prepare()
    await until(lambda: len(servers()) == 1)
    prepared = servers()
    await start(world, engine)
    assert servers() == prepared


async def test_agents_go_on_when_the_server_and_its_engine_are_gone(world: LocalWorld) -> None:
    first = world.engine()
    spec, handle = await start(world, first)
    await first.close()
    assert servers() == []
    assert await begin(world.engine(), spec) == handle
    await world.service.send(task(1, "/bin/true"))
    assert (await world.service.ended(1)).exit_code == 0


async def test_without_its_server_an_agent_starts_by_itself(world: LocalWorld) -> None:
    """The one after it is forked again."""
    engine = world.engine()
    await start(world, engine)
    (server,) = servers()
    os.kill(server, signal.SIGKILL)
    await until(lambda: not is_running(server))
    await start(world, engine, node_id="second")
    assert parent_of(world.agent("second")) == os.getpid()
    await start(world, engine, node_id="third")
    assert [parent_of(world.agent("third"))] == servers()
    await world.service.send(task(1, "/bin/true"))
    assert (await world.service.ended(1)).exit_code == 0


async def test_an_agent_whose_words_have_no_room_starts_by_itself(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 200) / ("e" * 200) / ("f" * 200)
    directory.mkdir(parents=True)
    async with peer() as service:
        world = LocalWorld(service, directory)
        try:
            await start(world, world.engine())
            assert parent_of(world.agent(NODE)) == os.getpid()
        finally:
            await world.clear()


async def test_an_agent_that_was_forked_before_its_server_was_gone_is_not_started_twice(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Beside.ask

    def unheard(self: Beside, content: bytes, descriptors: list[int]) -> None:
        ask(self, content, descriptors)
        raise GoneError("it was killed before it said so")

    monkeypatch.setattr(Beside, "ask", unheard)
    await begin(world.engine(), node_spec(world.service.url))
    await world.service.first(Hello)
    assert world.agents(NODE) == [agents.running()[str(world.nodes / NODE)].pid]
    assert [parent_of(world.agent(NODE))] == servers()


def test_a_server_whose_engine_is_gone_forks_nothing_that_was_asked_before(tmp_path: Path) -> None:
    """Nobody would note it down, and the next service begins another agent in this directory."""
    log = tmp_path / "log"
    ours, theirs = socket.socketpair()
    words = [sys.executable, "-m", agents.MODULE, str(tmp_path)]
    with ours, log.open("wb") as file:
        passing.send(ours, fork_server.encode(Start(words, {})), [file.fileno()])
    call = [sys.executable, "-m", fork_server.MODULE, str(theirs.fileno()), "-" * 512]
    with theirs:
        subprocess.run(call, pass_fds=[theirs.fileno()], check=True)
    assert str(tmp_path) not in agents.running()
    assert log.read_bytes() == b""
