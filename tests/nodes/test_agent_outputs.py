"""When a node uploads a task's output files, and what is said of the task meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from aiohttp import web
from tests.nodes.conftest import RunningAgent
from tests.nodes.peer import Peer, task, task_directory

from batchite.link.messages import EndRun, Failure, Run, RunEnded, RunStarted

TERMINATED = Failure("usererror", "TaskEnded", "Terminated by request.")


class Container:
    """Takes whatever it is given, unless it is closed or holds its breath."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.status = 201
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        self.asked.set()
        await self.open.wait()
        if self.status == 201:
            self.blobs[unquote(request.path)] = content
        return web.Response(status=self.status)


@pytest.fixture
async def container() -> AsyncIterator[Container]:
    container = Container()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", container.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    container.url = f"http://{host}:{port}/c"
    yield container
    container.open.set()
    await runner.cleanup()


def output(
    container: Container, pattern: str, condition: str = "taskcompletion", path: str | None = None
) -> dict[str, object]:
    return {
        "filePattern": pattern,
        "destination": {"container": {"containerUrl": container.url, **({"path": path} if path else {})}},
        "uploadOptions": {"uploadCondition": condition},
    }


def shell(script: str) -> str:
    return f"/bin/sh -c '{script}'"


async def test_upload_conditions(
    service: Peer, agent: RunningAgent, node: Path, container: Container
) -> None:
    def run(number: int, command: str) -> Run:
        files = [
            output(container, "../stdout.txt", condition, f"{number}/{condition}")
            for condition in ("tasksuccess", "taskfailure", "taskcompletion")
        ]
        return task(number, command, outputFiles=files)

    await service.send(run(1, "true"), run(2, "false"), run(3, "no-such-program"))
    codes = [(await service.ended(number)).exit_code for number in (1, 2, 3)]
    assert codes == [0, 1, None]
    assert container.blobs.keys() == {
        "/c/1/tasksuccess",
        "/c/1/taskcompletion",
        "/c/2/taskfailure",
        "/c/2/taskcompletion",
    }
    journals = [(task_directory(node, number) / "fileuploadout.txt").exists() for number in (1, 2, 3)]
    assert journals == [True, True, False]


async def test_the_variables_are_those_of_the_command(
    service: Peer, agent: RunningAgent, container: Container
) -> None:
    settings = [{"name": "WHAT", "value": "f*"}]
    files = [output(container, "$AZ_BATCH_TASK_WORKING_DIR/$WHAT", path="$AZ_BATCH_JOB_ID/$AZ_BATCH_TASK_ID")]
    await service.send(task(1, shell("echo x > f1"), outputFiles=files, environmentSettings=settings))
    assert (await service.ended(1)).failure is None
    assert container.blobs == {"/c/job/t1/f1": b"x\n"}


async def test_a_run_that_is_retried_leaves_its_files_to_the_next(
    service: Peer, agent: RunningAgent, container: Container
) -> None:
    files = [output(container, "f")]
    first = task(1, shell("echo first > f; exit 3"), outputFiles=files)
    await service.send(msgspec.structs.replace(first, is_retried=True))
    ended = await service.ended(1)
    assert (ended.exit_code, ended.withheld) == (3, True)
    assert container.blobs == {}
    await service.send(task(1, shell("echo second >> f; exit 3"), attempt=2, retries=1, outputFiles=files))
    ended = await service.first(RunEnded, lambda message: message.attempt == 2)
    assert (ended.exit_code, ended.withheld) == (3, False)
    assert container.blobs == {"/c/f": b"first\nsecond\n"}


async def test_a_run_that_would_be_retried_uploads_what_its_success_asks_for(
    service: Peer, agent: RunningAgent, container: Container
) -> None:
    """And one that fails withholds nothing where only a success would have been uploaded."""
    files = [output(container, "f", "tasksuccess")]
    for number, command in ((1, "echo x > f"), (2, "exit 3")):
        run = task(number, shell(command), outputFiles=files)
        await service.send(msgspec.structs.replace(run, is_retried=True))
        assert not (await service.ended(number)).withheld
    assert container.blobs == {"/c/f": b"x\n"}


async def test_a_failed_upload_keeps_the_exit_code(
    service: Peer, agent: RunningAgent, container: Container
) -> None:
    container.status = 404
    for number, code in ((1, 0), (2, 3)):
        await service.send(
            task(number, shell(f"echo x > f; exit {code}"), outputFiles=[output(container, "f")])
        )
        ended = await service.ended(number)
        assert ended.failure is not None
        assert (ended.exit_code, ended.failure.code) == (code, "FileUploadContainerNotFound")


async def test_a_task_is_over_when_its_files_are_uploaded(
    service: Peer, agent: RunningAgent, container: Container
) -> None:
    """It keeps its slots until then."""
    container.open.clear()
    run = task(1, shell("echo x > f"), slots=2, outputFiles=[output(container, "f")])
    await service.send(run, task(2, "/bin/true"))
    await container.asked.wait()
    assert service.of_kind(RunEnded) == []
    assert [one.number for one in service.of_kind(RunStarted)] == [1]
    container.open.set()
    await service.ended(2)
    assert [(one.number, one.failure) for one in service.of_kind(RunEnded)] == [(1, None), (2, None)]


async def test_a_task_that_is_terminated_uploads_no_more(
    service: Peer, agent: RunningAgent, node: Path, container: Container
) -> None:
    container.open.clear()
    await service.send(task(1, shell("echo x > f"), outputFiles=[output(container, "f")]))
    await container.asked.wait()
    await service.send(EndRun(1, 1, TERMINATED), EndRun(1, 1, TERMINATED))
    ended = await service.ended(1)
    assert (ended.exit_code, ended.failure) == (0, TERMINATED)
    await service.send(task(2, "sleep 600", outputFiles=[output(container, "../stdout.txt")]))
    await service.first(RunStarted, lambda message: message.number == 2)
    await service.send(EndRun(2, 1, TERMINATED))
    ended = await service.ended(2)
    assert (ended.exit_code, ended.failure) == (None, TERMINATED)
    assert container.blobs == {}


async def test_what_a_task_has_left_when_its_time_is_over_is_uploaded_as_a_failures(
    service: Peer, agent: RunningAgent, container: Container
) -> None:
    printed = "../stdout.txt"
    files = [output(container, printed, "taskfailure"), output(container, printed, "tasksuccess", "no")]
    limits = {"maxWallClockTime": "PT0.5S"}
    run = task(1, "sleep 600", outputFiles=files, constraints=limits)
    await service.send(msgspec.structs.replace(run, is_retried=True))
    ended = await service.ended(1)
    assert ended.failure is not None
    assert (ended.exit_code, ended.failure.code, ended.withheld) == (None, "TaskEnded", False)
    assert dict(ended.failure.details)["MaxWallClockTime"] == "PT0.5S"
    assert container.blobs == {"/c/stdout.txt": b""}
