"""How tasks on a node are ended: by their time, by request, and with all that they have started."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from tests.nodes.conftest import RunningAgent, StartAgent
from tests.nodes.peer import DEADLINE, Peer, task, task_directory
from tests.nodes.running import TERMINATED, WAITS, is_running, shell, wait_for, working_in

from batchite.link.messages import (
    EndRun,
    Leave,
    LimitRun,
    RunEnded,
    RunStarted,
)


async def test_wall_clock(service: Peer, agent: RunningAgent, node: Path) -> None:
    limits = {"maxWallClockTime": "PT0.3S"}
    await service.send(task(1, shell("sleep 600 & wait"), constraints=limits))
    ended = await service.ended(1)
    assert ended.exit_code is None
    assert ended.failure is not None
    assert ended.failure.code == "TaskEnded"
    assert "PT0.3S" in ended.failure.message
    assert working_in(task_directory(node, 1) / "wd") == []


async def test_an_infinite_wall_clock_is_no_limit(service: Peer, agent: RunningAgent) -> None:
    await service.send(task(1, "true", constraints={"maxWallClockTime": "P10675199DT2H48M5.4775807S"}))
    assert (await service.ended(1)).exit_code == 0


async def test_a_running_task_is_given_another_wall_clock(service: Peer, agent: RunningAgent) -> None:
    """Counted from its start, so one that has run for longer ends at once."""
    limits = {"maxWallClockTime": "PT1H"}
    await service.send(task(1, "/bin/sleep 600", constraints=limits), task(2, "/bin/sleep 600"))
    await service.first(RunStarted, lambda started: started.number == 1)
    await service.send(LimitRun(1, 1, 1), LimitRun(2, 2, 1), LimitRun(9, 1, 1))
    ended = await service.ended(1)
    assert ended.failure is not None
    assert (ended.exit_code, ended.failure.code) == (None, "TaskEnded")
    assert "PT0.0000001S" in ended.failure.message
    await service.send(EndRun(2, 1, TERMINATED))
    assert (await service.ended(2)).failure == TERMINATED, "an attempt that it does not have is none of its"


async def test_a_wall_clock_is_taken_away(service: Peer, agent: RunningAgent, fifo: Path) -> None:
    """Also from a task that waits on the node."""
    limits = {"maxWallClockTime": "PT0.5S"}
    script = shell(f"echo > {fifo}; sleep 0.7")
    await service.send(task(1, script, constraints=limits), LimitRun(1, 1, 2**63 - 1))
    await wait_for(service, fifo)
    assert (await service.ended(1)).exit_code == 0


async def test_a_running_task_is_ended_even_if_it_ignores_being_asked(
    service: Peer, agent: RunningAgent, fifo: Path
) -> None:
    script = f'trap "" TERM; echo $$ > {fifo}; while :; do sleep 1; done'
    await service.send(task(1, f"/bin/sh -c {script!r}"))
    pid = int(await wait_for(service, fifo))
    await service.send(EndRun(1, 1, TERMINATED), EndRun(1, 1, TERMINATED))
    ended = await service.ended(1)
    assert (ended.exit_code, ended.failure) == (None, TERMINATED)
    assert not is_running(pid)


async def test_ended_tasks_may_clean_up(
    service: Peer, start_agent: StartAgent, node: Path, fifo: Path
) -> None:
    await start_agent({"grace": DEADLINE})
    script = f'trap "echo bye; exit" TERM; echo > {fifo}; while :; do sleep 0.01; done'
    await service.send(task(1, f"/bin/sh -c {script!r}"))
    await wait_for(service, fifo)
    await service.send(EndRun(1, 1, TERMINATED))
    await service.ended(1)
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "bye\n"


@pytest.mark.parametrize(("code", "failure"), [(0, None), (3, "FailureExitCode")])
async def test_what_has_come_to_its_end_is_not_ended(
    service: Peer, agent: RunningAgent, fifo: Path, code: int, failure: str | None
) -> None:
    """The agent hears of its end and of the wish for it at the same moment."""
    await service.send(task(1, shell(f"echo $$ > {fifo}; read line < {fifo}; exit {code}")))
    await end_too_late(service, agent, fifo)
    ended = await service.ended(1)
    assert (ended.exit_code, ended.failure and ended.failure.code) == (code, failure)


async def test_what_has_come_to_its_end_uploads_nothing_when_it_is_ended(
    service: Peer, agent: RunningAgent, fifo: Path
) -> None:
    """So it is not complete."""
    outputs = [
        {
            "filePattern": "*",
            "destination": {"container": {"containerUrl": f"{service.url}/none"}},
            "uploadOptions": {"uploadCondition": "taskcompletion"},
        }
    ]
    script = shell(f"echo $$ > {fifo}; read line < {fifo}")
    await service.send(task(1, script, outputFiles=outputs))
    await end_too_late(service, agent, fifo)
    ended = await service.ended(1)
    assert (ended.exit_code, ended.failure) == (0, TERMINATED)


async def end_too_late(service: Peer, agent: RunningAgent, fifo: Path) -> None:
    """A task that has told its number by the fifo, and waits for a line of it."""
    command = os.pidfd_open(int(await wait_for(service, fifo)))
    agent.process.send_signal(signal.SIGSTOP)
    await asyncio.to_thread(fifo.write_text, "on\n")
    ended, *_ = await asyncio.to_thread(select.select, [command], [], [], DEADLINE)
    assert ended
    os.close(command)
    await service.send(EndRun(1, 1, TERMINATED))
    agent.process.send_signal(signal.SIGCONT)


async def test_a_notice_is_longer_than_the_time_that_all_have(
    service: Peer, agent: RunningAgent, node: Path, fifo: Path
) -> None:
    """This agent's tasks have 0.3 seconds; this one ends when another task says so, and well after that."""
    script = f'trap "cat {fifo}; echo saved; exit" TERM; echo > {fifo}; while :; do sleep 0.01; done'
    await service.send(task(1, f"/bin/sh -c {script!r}", slots=1))
    await wait_for(service, fifo)
    await service.send(EndRun(1, 1, TERMINATED, notice=600 * 10_000_000))
    await service.send(task(2, f"/bin/sh -c 'sleep 0.6; echo > {fifo}'"))
    await service.ended(1)
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "\nsaved\n"


async def test_waiting_and_unknown_tasks_are_ended_too(service: Peer, agent: RunningAgent) -> None:
    await service.send(
        task(1, WAITS, slots=2), task(2, WAITS), EndRun(2, 1, TERMINATED), EndRun(9, 4, TERMINATED)
    )
    for number, attempt in ((2, 1), (9, 4)):
        ended = await service.ended(number)
        assert (ended.attempt, ended.started, ended.exit_code) == (attempt, None, None)
        assert ended.failure == TERMINATED


async def test_a_task_is_ended_while_its_files_are_fetched(service: Peer, agent: RunningAgent) -> None:
    """Both before the first byte was asked for, and while the server keeps the agent waiting."""
    async with silent_server() as (url, asked):
        files = [{"httpUrl": url, "filePath": "x"}]
        await service.send(task(1, "true", resourceFiles=files), EndRun(1, 1, TERMINATED))
        assert (await service.ended(1)).failure == TERMINATED
        await service.send(task(2, "true", resourceFiles=files))
        await asyncio.wait_for(asked.wait(), DEADLINE)
        await service.send(EndRun(2, 1, TERMINATED))
        ended = await service.ended(2)
    assert (ended.exit_code, ended.failure) == (None, TERMINATED)
    assert ended.started is not None
    assert ended.staged is None


async def test_a_node_ends_in_peace_while_files_are_fetched(service: Peer, agent: RunningAgent) -> None:
    async with endless_server() as (url, has_begun):
        files = [{"httpUrl": url, "filePath": str(number)} for number in range(4)]
        await service.send(task(1, "true", resourceFiles=files))
        await asyncio.wait_for(has_begun.wait(), DEADLINE)
        await service.send(Leave())
        said = await agent.over()
    assert "Traceback" not in said
    assert not service.of_kind(RunEnded)


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that never answers; the event tells that it was asked."""
    asked = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(1)
        asked.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", asked
    finally:
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def endless_server() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server whose answers go on as fast as they are read; the event tells that one is on its way."""
    has_begun = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            for number in count():
                writer.write(bytes(20_000))
                await writer.drain()
                if number == 50:
                    has_begun.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", has_begun


@pytest.mark.parametrize(
    "leave",
    [
        "sleep 600 & echo $! > pid",
        "setsid sleep 600 & echo $! > pid",
        '( setsid sh -c "echo \\$\\$ > $PWD/pid; cd /; exec sleep 600" & ); while ! [ -s pid ]; do :; done',
        '( env -i setsid sh -c "echo \\$\\$ > $PWD/pid; exec sleep 600" & ); while ! [ -s pid ]; do :; done',
    ],
)
async def test_nothing_of_a_task_is_left_when_it_is_reported(
    service: Peer, agent: RunningAgent, node: Path, leave: str
) -> None:
    await service.send(task(1, shell(leave)))
    assert (await service.ended(1)).exit_code == 0
    assert not is_running(int((task_directory(node, 1) / "wd" / "pid").read_text()))


async def test_what_other_tasks_started_goes_on(service: Peer, agent: RunningAgent, fifo: Path) -> None:
    daemon = f'( setsid sh -c "echo \\$\\$ > {fifo}; exec sleep 600" & ); sleep 600'
    await service.send(task(1, shell(daemon)))
    pid = int(await wait_for(service, fifo))
    await service.send(task(2, shell("setsid sleep 600 &")))
    assert (await service.ended(2)).exit_code == 0
    assert is_running(pid)
    await service.send(EndRun(1, 1, TERMINATED))
    await service.ended(1)
    assert not is_running(pid)
