"""The link: told twice rather than never, made again when it breaks, ended when nobody answers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from tests.nodes.conftest import RunningAgent, StartAgent
from tests.nodes.peer import DEADLINE, NODE, Peer, peer, task, task_directory
from tests.nodes.running import is_running, wait_for

from batchite.link import framing
from batchite.link.messages import Heartbeat, Hello, Leave, RunEnded, RunKey, RunStarted


def shown_by_kernel(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


async def hellos(service: Peer, count: int) -> Hello:
    await service.until(lambda: len(service.of_kind(Hello)) >= count)
    return service.of_kind(Hello)[count - 1]


async def test_the_credential_is_shown_to_the_service_and_nobody_else(
    service: Peer, agent: RunningAgent, node: Path
) -> None:
    request = service.requests[0]
    assert request.path == f"/-/nodes/{NODE}/link"
    assert request.headers["Authorization"] == "Bearer the-token"
    assert "Sec-WebSocket-Extensions" not in request.headers
    visible = shown_by_kernel(agent.process.pid)
    await service.send(task(1, "env"))
    await service.ended(1)
    output = (task_directory(node, 1) / "stdout.txt").read_bytes()
    assert b"the-token" not in visible + output


async def test_hearts_beat(service: Peer, start_agent: StartAgent) -> None:
    service.heartbeat = 0.05
    await start_agent()
    await service.until(lambda: len(service.of_kind(Heartbeat)) >= 3)


async def test_reports_are_told_again_until_they_are_acknowledged(service: Peer, agent: RunningAgent) -> None:
    service.acknowledges = False
    await service.send(task(1, "true"), task(2, "sleep 600", slots=2), task(3, "true"))
    await service.first(RunStarted, lambda message: message.number == 2)
    first_time = await service.ended(1)
    service.heard.clear()
    await service.cut()
    hello = await hellos(service, 1)
    assert set(hello.held) == {RunKey(1, 1), RunKey(2, 1), RunKey(3, 1)}
    assert await service.ended(1) == first_time
    service.acknowledges = True
    service.heard.clear()
    await service.cut()
    await hellos(service, 1)
    await service.ended(1)
    service.heard.clear()
    await service.cut()
    assert set((await hellos(service, 1)).held) == {RunKey(2, 1), RunKey(3, 1)}


async def test_nothing_is_reported_before_the_welcome(service: Peer, agent: RunningAgent, node: Path) -> None:
    service.welcomes = False
    await service.send(task(1, f"/bin/sh -c 'while ! [ -e {node}/go ]; do sleep 0.01; done'"))
    await service.first(RunStarted)
    service.heard.clear()
    await service.cut()
    await hellos(service, 1)
    (node / "go").touch()
    service.welcomes = True
    await service.cut_all()
    await service.ended(1)
    assert [type(m) for m in service.heard if not isinstance(m, Heartbeat)][:2] == [Hello, Hello]


async def test_unknown_and_broken_messages_are_left_out(service: Peer, agent: RunningAgent) -> None:
    import msgspec

    good = msgspec.Raw(msgspec.msgpack.encode(task(1, "true")))
    await service.connections[-1].send(msgspec.msgpack.encode([["FromTheFuture", 1], good, ["Run", "x"]]))
    assert (await service.ended(1)).exit_code == 0


async def test_a_frame_that_is_none_only_costs_the_connection(service: Peer, agent: RunningAgent) -> None:
    await service.connections[-1].send(b"\xc1 not msgpack")
    await hellos(service, 2)
    await service.until(lambda: len(service.connections) == 2)
    await service.send(task(1, "true"))
    assert (await service.ended(1)).exit_code == 0


async def test_a_redirect_is_followed(service: Peer, start_agent: StartAgent) -> None:
    async with peer() as other:
        service.refusal = (307, {"Location": f"{other.url}/-/nodes/{NODE}/link"})
        agent = await start_agent(awaited=False)
        await other.first(Hello)
        assert other.requests[0].headers["Authorization"] == "Bearer the-token"
        await other.send(Leave())
        await agent.over()


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}, {"Retry-After": "soon"}])
async def test_a_service_that_is_overloaded_or_not_the_nodes_owner_is_asked_again(
    service: Peer, start_agent: StartAgent, headers: dict[str, str]
) -> None:
    service.refusal = (503, headers)
    await start_agent(awaited=False)
    await service.until(lambda: len(service.requests) >= 3)
    service.refusal = None
    await service.first(Hello)


@pytest.mark.parametrize("status", [401, 403, 410])
async def test_an_unwanted_node_ends_with_all_it_runs(
    service: Peer, agent: RunningAgent, node: Path, status: int
) -> None:
    await run_until_stopped(service, node)
    service.refusal = (status, {})
    await service.cut()
    assert str(status) in await agent.over()
    assert not is_running(daemon(node))


async def test_leave_ends_everything_and_reports_nothing(
    service: Peer, agent: RunningAgent, node: Path
) -> None:
    await run_until_stopped(service, node)
    await service.send(Leave())
    await agent.over()
    assert not is_running(daemon(node))
    assert not service.of_kind(RunEnded)


async def test_sigterm_ends_tasks_in_order(service: Peer, start_agent: StartAgent, node: Path) -> None:
    agent = await start_agent({"grace": DEADLINE})
    await run_until_stopped(service, node)
    agent.process.send_signal(signal.SIGTERM)
    await agent.over()
    assert not is_running(daemon(node))
    assert (task_directory(node, 1) / "wd" / "asked").exists()


async def test_the_agent_ends_when_its_directory_is_gone(
    service: Peer, start_agent: StartAgent, node: Path
) -> None:
    agent = await start_agent({"check": 0.05, "grace": 0.1})
    await asyncio.to_thread(shutil.rmtree, node)
    assert "gone" in await agent.over()


async def test_the_agent_ends_when_nobody_answers(service: Peer, start_agent: StartAgent) -> None:
    """Whether the service has ended, or this process is held up for so long that it might have."""
    agent = await start_agent({"check": 0.05, "grace": 0.1, "unanswered": 0.5}, awaited=False)
    said, heard = asyncio.create_task(agent.over()), asyncio.create_task(service.first(Hello))
    await asyncio.wait((said, heard), return_when=asyncio.FIRST_COMPLETED)
    heard.cancel()
    await service.stop()
    assert "did not answer" in await said


async def test_a_silent_connection_is_made_anew(service: Peer, start_agent: StartAgent) -> None:
    """A peer that is there but says nothing any more, not even to pings."""
    service.heartbeat = 0.05
    agent = await start_agent()
    silent = service.connections[-1].transport
    silent.pause_reading()
    await hellos(service, 2)
    silent.abort()
    assert agent.process.runs()


async def test_frames_are_decodable_by_the_service(service: Peer, agent: RunningAgent) -> None:
    await service.send(*[task(number, "true") for number in range(50)])
    await service.ended(49)
    assert all(framing.from_agent.decode(framing.encode(frame)) == frame for frame in service.frames)


async def run_until_stopped(service: Peer, node: Path) -> None:
    """A task with a daemon, that notes when it is asked to end."""
    script = (
        'trap "touch asked; exit" TERM; ( setsid sleep 600 & echo $! > daemon ); '
        "echo > ready; while :; do sleep 0.01; done"
    )
    fifo = node / "fifo"
    os.mkfifo(fifo)
    await service.send(task(1, f"/bin/sh -c {script.replace('ready', str(fifo))!r}"))
    await wait_for(service, fifo)


def daemon(node: Path) -> int:
    return int((task_directory(node, 1) / "wd" / "daemon").read_text())
