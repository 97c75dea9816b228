"""Tasks on a node: what runs, where, with what, and what is reported."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.nodes.conftest import RunningAgent, StartAgent
from tests.nodes.peer import NODE, Peer, task, task_directory

from batchite.link.messages import (
    EndTask,
    Failure,
    RecallTask,
    RemoveJobFiles,
    RemoveTaskFiles,
    RunStartTask,
    RunTask,
    StartTaskEnded,
    StartTaskStarted,
    TaskEnded,
    TaskReturned,
    TaskStarted,
)
from batchite.machine import proc

TERMINATED = Failure("usererror", "TaskEnded", "Terminated by request.")
WAITS = "sleep 600"


def is_running(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and not process.is_dead


def started_by(message: TaskStarted | TaskEnded) -> tuple[str, int]:
    return type(message).__name__, message.task


def sequence(service: Peer) -> list[tuple[str, int]]:
    return [started_by(m) for m in service.heard if isinstance(m, TaskStarted | TaskEnded)]


def shell(script: str) -> str:
    return f"/bin/sh -c '{script}'"


async def attempt(service: Peer, message: RunTask) -> TaskEnded:
    await service.send(message)
    return await service.first(
        TaskEnded, lambda ended: (ended.task, ended.attempt) == (message.task, message.attempt)
    )


async def wait_for(service: Peer, fifo: Path) -> bytes:
    """Block (in a thread) until a task has written to the fifo."""
    return await asyncio.wait_for(asyncio.to_thread(fifo.read_bytes), 20)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


async def test_a_task_runs_and_its_output_is_kept(service: Peer, agent: RunningAgent, node: Path) -> None:
    await service.send(task(1, shell("echo out; echo err >&2; pwd > where")))
    ended = await service.ended(1)
    started = await service.first(TaskStarted)
    assert (ended.exit_code, ended.failure) == (0, None)
    assert ended.started == started.started
    assert ended.started < ended.ended
    directory = task_directory(node, 1)
    assert (directory / "stdout.txt").read_text() == "out\n"
    assert (directory / "stderr.txt").read_text() == "err\n"
    assert (directory / "wd" / "where").read_text().strip() == str(directory / "wd")


async def test_reports_are_numbered_without_gaps(service: Peer, agent: RunningAgent) -> None:
    await service.send(*[task(number, "/bin/true") for number in range(20)])
    await service.until(lambda: len(service.of_kind(TaskEnded)) == 20)
    reports = [m.report for m in service.heard if isinstance(m, TaskStarted | TaskEnded)]
    assert reports == list(range(1, 41))


async def test_the_environment_is_the_documented_one(
    service: Peer, start_agent: StartAgent, node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "x")
    await start_agent(environment={"PATH": "/usr/bin:/bin", "http_proxy": "http://proxy:1"})
    settings = [{"name": "MINE", "value": "a b"}, {"name": "AZ_BATCH_NODE_ID", "value": "forged"}]
    await service.send(task(1, "env", environmentSettings=settings))
    await service.ended(1)
    directory, root = task_directory(node, 1), node / "root"
    seen = dict(line.split("=", 1) for line in (directory / "stdout.txt").read_text().splitlines())
    reserved = [name for name in seen if name.endswith("_DISK_SPACE_BYTES")]
    assert {name: int(seen.pop(name)) > 0 for name in reserved} == {
        "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": True,
        "AZ_BATCH_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": True,
        "AZ_BATCH_RESERVED_DISK_SPACE_BYTES": True,
        "AZ_BATCH_OS_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": False,
    }
    assert seen == {
        "PATH": f"/usr/bin:/bin:{root}/shared:{directory}/wd",
        "LANG": "C.UTF-8",
        "HOME": str(directory / "wd"),
        "PWD": str(directory / "wd"),
        "USER": "_azbatch",
        "PYTHONUSERBASE": str(node / "python" / "user"),
        "http_proxy": "http://proxy:1",
        "MINE": "a b",
        "AZ_BATCH_ACCOUNT_NAME": "devbatch",
        "AZ_BATCH_ACCOUNT_URL": "http://127.0.0.1:10003/",
        "AZ_BATCH_POOL_ID": "pool",
        "AZ_BATCH_NODE_ID": NODE,
        "AZ_BATCH_NODE_IS_DEDICATED": "true",
        "AZ_BATCH_NODE_ROOT_DIR": str(root),
        "AZ_BATCH_NODE_SHARED_DIR": str(root / "shared"),
        "AZ_BATCH_NODE_STARTUP_DIR": str(root / "startup"),
        "AZ_BATCH_NODE_STARTUP_WORKING_DIR": str(root / "startup" / "wd"),
        "AZ_BATCH_NODE_MOUNTS_DIR": str(root / "fsmounts"),
        "AZ_BATCH_JOB_ID": "job",
        "AZ_BATCH_TASK_ID": "t1",
        "AZ_BATCH_TASK_DIR": str(directory),
        "AZ_BATCH_TASK_WORKING_DIR": str(directory / "wd"),
        "AZ_BATCH_TASK_USER": "_azbatch",
        "AZ_BATCH_TASK_USER_IDENTITY": "PoolNonAdmin",
        "AZ_BATCH_CERTIFICATES_DIR": str(directory / "certs"),
    }
    assert (root / "startup" / "wd").is_dir()


@pytest.mark.parametrize("place", ["$AZ_BATCH_NODE_SHARED_DIR", "$AZ_BATCH_TASK_WORKING_DIR"])
async def test_scripts_start_by_their_bare_names(
    service: Peer, agent: RunningAgent, node: Path, place: str
) -> None:
    """From the shared directory and, here in a retry, from the task's own."""
    make = f'cd {place}; printf "#!/bin/sh\\necho found" > run.sh; chmod +x run.sh; exit 3'
    await attempt(service, task(1, shell(make)))
    ended = await attempt(service, task(1, "run.sh", attempt=2, retries=1))
    assert ended.exit_code == 0
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "found\n"


async def test_the_user_of_a_start_task(service: Peer, agent: RunningAgent, node: Path) -> None:
    await service.send(RunStartTask(1, b'{"commandLine": "env"}'))
    await service.first(StartTaskEnded)
    seen = (node / "root" / "startup" / "stdout.txt").read_text().splitlines()
    startup = node / "root" / "startup"
    assert {
        "USER=_azbatchtask_start",
        "AZ_BATCH_TASK_USER=_azbatchtask_start",
        "AZ_BATCH_TASK_USER_IDENTITY=TaskNonAdmin",
        f"HOME={startup}/wd",
        f"AZ_BATCH_CERTIFICATES_DIR={startup}/certs",
    } <= set(seen)


async def test_the_user_of_an_elevated_task(service: Peer, agent: RunningAgent, node: Path) -> None:
    """Root by name, though in this tier by name only."""
    identity = {"autoUser": {"scope": "task", "elevationLevel": "admin"}}
    await service.send(task(1, shell("env; id -u"), userIdentity=identity))
    assert (await service.ended(1)).exit_code == 0
    seen = (task_directory(node, 1) / "stdout.txt").read_text().splitlines()
    assert {"USER=root", "AZ_BATCH_TASK_USER=root", "AZ_BATCH_TASK_USER_IDENTITY=TaskAdmin"} <= set(seen)
    assert seen[-1] == str(os.geteuid())


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose own name is short, too, as a test's is not."""
    with tempfile.TemporaryDirectory(prefix="b") as directory:
        yield Path(directory)


async def test_the_root_has_a_short_name_as_long_as_the_node_lives(
    service: Peer, start_agent: StartAgent, node: Path, place: Path
) -> None:
    short = place / "short" / "name"
    running = await start_agent(root=str(short))
    sockets = 'import os, socket; socket.socket(socket.AF_UNIX).bind(os.environ["PWD"] + "/s")'
    await service.send(task(1, f"python3 -c '{sockets}'"), task(2, shell("pwd; setsid sleep 600 &")))
    assert (await service.ended(1)).exit_code == 0
    assert (await service.ended(2)).exit_code == 0
    assert (task_directory(node, 1) / "wd" / "s").is_socket()
    told = (task_directory(node, 2) / "stdout.txt").read_text()
    assert told == f"{short}/workitems/job/job-1/t2/wd\n"
    running.process.terminate()
    await running.over()
    assert not short.parent.exists()


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [(shell("exit 3"), 3), (shell("kill -9 $$"), 137), (shell("kill -15 $$"), 143)],
)
async def test_a_failing_command_is_reported_with_its_exit_code(
    service: Peer, agent: RunningAgent, command: str, exit_code: int
) -> None:
    await service.send(task(1, command))
    ended = await service.ended(1)
    assert ended.exit_code == exit_code
    assert ended.failure is not None
    assert (ended.failure.category, ended.failure.code) == ("usererror", "FailureExitCode")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("no-such-program --flag", "CommandProgramNotFound"),
        ("./missing.sh", "CommandProgramNotFound"),
        ("/etc/hostname", "CommandLaunchFailed"),
        ("/etc", "CommandLaunchFailed"),
        ("/bin/sh -c 'unbalanced", "CommandLaunchFailed"),
        ("   ", "CommandLaunchFailed"),
    ],
)
async def test_a_command_that_cannot_start_says_why(
    service: Peer, agent: RunningAgent, command: str, code: str
) -> None:
    await service.send(task(1, command), task(2, "/bin/true"))
    ended = await service.ended(1)
    assert ended.exit_code is None
    assert ended.failure is not None
    assert ended.failure.code == code
    assert (await service.ended(2)).exit_code == 0


async def test_programs_are_found_by_the_path_of_the_task(
    service: Peer, agent: RunningAgent, node: Path
) -> None:
    """In the task's own PATH, past what cannot be run; with a slash from the working directory."""
    make = (
        "cd $AZ_BATCH_NODE_SHARED_DIR; mkdir -p a b/tool; "
        'printf "#!/bin/sh\\necho found" > a/tool; cp a/tool b/unexecutable; chmod +x a/tool'
    )
    await service.send(task(1, f"/bin/sh -c '{make}'"))
    assert (await service.ended(1)).exit_code == 0
    shared = node / "root" / "shared"
    path = [{"name": "PATH", "value": f"{shared}/missing:{shared}/b:{shared}/a:/bin"}]
    await service.send(task(2, "tool", environmentSettings=path), task(3, "tool", environmentSettings=path))
    await service.send(
        task(4, "unexecutable", environmentSettings=path), task(5, "../../../../../shared/a/tool")
    )
    for number in (2, 3, 5):
        assert (await service.ended(number)).exit_code == 0
        assert (task_directory(node, number) / "stdout.txt").read_text() == "found\n"
    refused = (await service.ended(4)).failure
    assert refused is not None
    assert refused.code == "CommandLaunchFailed"


@contextmanager
def ignored(*numbers: signal.Signals) -> Iterator[None]:
    """By this process, and by those that it starts meanwhile."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def test_tasks_inherit_neither_files_nor_ignored_signals(
    service: Peer, start_agent: StartAgent, node: Path
) -> None:
    """Of a service that a shell started in the background, which therefore ignores some."""
    of_a_shell = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
    with ignored(*of_a_shell):
        await start_agent()
    await service.send(task(1, "/bin/sh -c 'ls -l /proc/$$/fd; grep SigIgn /proc/$$/status; pwd'"))
    await service.ended(1)
    output = (task_directory(node, 1) / "stdout.txt").read_text()
    open_files = {line.split(" -> ")[1] for line in output.splitlines() if " -> " in line}
    assert open_files == {
        "/dev/null",
        *(str(task_directory(node, 1) / f"std{end}.txt") for end in ("out", "err")),
    }
    mask = int(next(line.split()[1] for line in output.splitlines() if line.startswith("SigIgn")), 16)
    of_python = (signal.SIGPIPE, signal.SIGXFSZ)
    assert not [number for number in (*of_python, *of_a_shell) if mask >> (number - 1) & 1]


async def test_an_unreadable_definition_ends_only_its_own_task(service: Peer, agent: RunningAgent) -> None:
    broken = msgspec.structs.replace(task(1, "/bin/true"), definition=b'{"commandLine": 5}')
    outside = msgspec.structs.replace(task(2, "/bin/true"), task_id="../../../t2")
    await service.send(broken, outside, task(3, "/bin/true"))
    for number in (1, 2):
        failure = (await service.ended(number)).failure
        assert failure is not None
        assert failure.category == "servererror"
    assert (await service.ended(3)).exit_code == 0


async def test_tasks_start_in_order_and_none_overtakes_one_that_needs_more_slots(
    service: Peer, agent: RunningAgent, fifo: Path
) -> None:
    await service.send(
        task(1, shell(f"read x < {fifo}")), task(2, "/bin/true", slots=2), task(3, "/bin/true")
    )
    await service.first(TaskStarted, lambda m: m.task == 1)
    await asyncio.to_thread(fifo.write_text, "go\n")
    await service.ended(3)
    order = sequence(service)
    assert order.index(("TaskEnded", 1)) < order.index(("TaskStarted", 2))
    assert order.index(("TaskEnded", 2)) < order.index(("TaskStarted", 3))


async def test_as_many_tasks_run_at_once_as_slots_allow(
    service: Peer, agent: RunningAgent, fifo: Path
) -> None:
    """Each of the two can end only while the other runs."""
    await service.send(task(1, shell(f"read x < {fifo}")), task(2, shell(f"echo go > {fifo}")))
    assert (await service.ended(1)).exit_code == 0
    assert (await service.ended(2)).exit_code == 0


async def test_wall_clock(service: Peer, agent: RunningAgent, node: Path) -> None:
    limits = {"maxWallClockTime": "PT0.3S"}
    await service.send(task(1, shell("echo $$ > pid; sleep 600 & wait"), constraints=limits))
    ended = await service.ended(1)
    assert ended.exit_code is None
    assert ended.failure is not None
    assert ended.failure.code == "TaskEnded"
    assert "PT0.3S" in ended.failure.message
    assert not is_running(int((task_directory(node, 1) / "wd" / "pid").read_text()))


async def test_an_infinite_wall_clock_is_no_limit(service: Peer, agent: RunningAgent) -> None:
    await service.send(task(1, "true", constraints={"maxWallClockTime": "P10675199DT2H48M5.4775807S"}))
    assert (await service.ended(1)).exit_code == 0


async def test_a_running_task_is_ended_even_if_it_ignores_being_asked(
    service: Peer, agent: RunningAgent, fifo: Path
) -> None:
    script = f'trap "" TERM; echo $$ > {fifo}; while :; do sleep 1; done'
    await service.send(task(1, f"/bin/sh -c {script!r}"))
    pid = int(await wait_for(service, fifo))
    await service.send(EndTask(1, 1, TERMINATED), EndTask(1, 1, TERMINATED))
    ended = await service.ended(1)
    assert (ended.exit_code, ended.failure) == (None, TERMINATED)
    assert not is_running(pid)


async def test_ended_tasks_may_clean_up(service: Peer, agent: RunningAgent, node: Path, fifo: Path) -> None:
    script = f'trap "echo bye; exit" TERM; echo > {fifo}; while :; do sleep 0.01; done'
    await service.send(task(1, f"/bin/sh -c {script!r}"))
    await wait_for(service, fifo)
    await service.send(EndTask(1, 1, TERMINATED))
    await service.ended(1)
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "bye\n"


async def test_waiting_and_unknown_tasks_are_ended_too(service: Peer, agent: RunningAgent) -> None:
    await service.send(
        task(1, WAITS, slots=2), task(2, WAITS), EndTask(2, 1, TERMINATED), EndTask(9, 4, TERMINATED)
    )
    for number, attempt in ((2, 1), (9, 4)):
        ended = await service.ended(number)
        assert (ended.attempt, ended.started, ended.exit_code) == (attempt, None, None)
        assert ended.failure == TERMINATED


async def test_a_task_is_ended_while_its_files_are_fetched(service: Peer, agent: RunningAgent) -> None:
    """Both before the first byte was asked for, and while the server keeps the agent waiting."""
    async with silent_server() as (url, asked):
        files = [{"httpUrl": url, "filePath": "x"}]
        await service.send(task(1, "true", resourceFiles=files), EndTask(1, 1, TERMINATED))
        assert (await service.ended(1)).failure == TERMINATED
        await service.send(task(2, "true", resourceFiles=files))
        await asyncio.wait_for(asked.wait(), 20)
        await service.send(EndTask(2, 1, TERMINATED))
        ended = await service.ended(2)
    assert (ended.exit_code, ended.failure) == (None, TERMINATED)
    assert ended.started is not None
    assert ended.staged is None


async def test_when_a_task_had_its_files_is_told_with_its_end(service: Peer, agent: RunningAgent) -> None:
    async with serving(b"x") as url:
        files = [{"httpUrl": url, "filePath": "x"}]
        await service.send(task(1, "/bin/cat x", resourceFiles=files), task(2, "true"))
        first, second = await service.ended(1), await service.ended(2)
    assert first.exit_code == 0
    assert first.started is not None
    assert first.staged is not None
    assert first.started < first.staged < first.ended
    assert second.staged is None, "it has none"


@asynccontextmanager
async def serving(content: bytes) -> AsyncIterator[str]:
    """A server that answers every request so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


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


async def test_a_failed_download_is_the_tasks_failure(service: Peer, agent: RunningAgent) -> None:
    files = [{"httpUrl": f"{service.url}/x", "filePath": "../x"}]
    await service.send(task(1, "true", resourceFiles=files))
    ended = await service.ended(1)
    assert ended.failure is not None
    assert (ended.exit_code, ended.failure.code) == (None, "ResourceFileCreateFailed")


async def test_only_tasks_that_wait_are_given_back(service: Peer, agent: RunningAgent) -> None:
    await service.send(task(1, WAITS, slots=2), task(2, WAITS, slots=2), task(3, "true", slots=2))
    await service.send(RecallTask(1, 1), RecallTask(2, 1), EndTask(1, 1, TERMINATED))
    returned = await service.first(TaskReturned)
    assert (returned.task, returned.attempt) == (2, 1)
    assert (await service.ended(3)).exit_code == 0
    assert len(service.of_kind(TaskReturned)) == 1


async def test_the_same_attempt_is_not_taken_twice(service: Peer, agent: RunningAgent, node: Path) -> None:
    service.acknowledges = False
    once = task(1, shell("echo ran >> $AZ_BATCH_NODE_SHARED_DIR/ran"))
    await service.send(once, once)
    await service.ended(1)
    await service.send(once, task(2, "true"))
    await service.ended(2)
    assert (node / "root" / "shared" / "ran").read_text() == "ran\n"


async def test_a_new_attempt_follows_nothing_that_the_old_one_planted(
    service: Peer, agent: RunningAgent, node: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    plant = shell(f"ln -sf {victim} ../stdout.txt; cd ..; rm -r wd; ln -s {tmp_path} wd")
    await service.send(task(1, plant))
    await service.ended(1)
    await service.send(task(1, shell("echo second; ls"), attempt=2))
    await service.first(TaskEnded, lambda message: message.attempt == 2)
    assert victim.read_text() == "precious"
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "second\n"


WRITES = "echo $0; echo err >&2; echo $0 >> seen; cat seen; exit 3"


async def test_a_retry_goes_on_where_the_run_before_left_off(
    service: Peer, agent: RunningAgent, node: Path
) -> None:
    """With its files, and with its output beside the new one; what was fetched is not fetched again."""
    directory = task_directory(node, 1)
    await attempt(service, task(1, f"/bin/sh -c '{WRITES}' one"))
    gone = [{"httpUrl": f"{service.url}/gone", "filePath": "x"}]
    again = await attempt(
        service, task(1, f"/bin/sh -c '{WRITES}' two", attempt=2, retries=1, resourceFiles=gone)
    )
    assert again.exit_code == 3
    assert (directory / "stdout.txt").read_text() == "two\none\ntwo\n"
    assert (directory / "stdout.txt.1").read_text() == "one\none\n"
    assert (directory / "stderr.txt.1").read_text() == "err\n"
    third = await attempt(service, task(1, f"/bin/sh -c '{WRITES}' three", attempt=4, retries=2))
    assert third.exit_code == 3
    assert (directory / "stdout.txt.1").read_text() == "two\none\ntwo\n"
    assert sorted(path.name for path in directory.iterdir()) == [
        "stderr.txt",
        "stderr.txt.1",
        "stdout.txt",
        "stdout.txt.1",
        "wd",
    ]


@pytest.mark.parametrize(
    ("first", "counts"),
    [
        ("exit 3", {"requeues": 1}),
        ("exit 3", {"retries": 1, "requeues": 1}),
        ("exit 3", {"retries": 2}),
        ("exit 3", {"retries": 0}),
        ("rm -r $PWD; exit 3", {"retries": 1}),
        ("cd ..; rm -r wd; ln -s /tmp wd; exit 3", {"retries": 1}),
    ],
)
async def test_whatever_else_runs_again_begins_empty(
    service: Peer, agent: RunningAgent, node: Path, first: str, counts: dict[str, int]
) -> None:
    """A requeue, a run after one elsewhere, and a retry whose directory is no more."""
    await attempt(service, task(1, shell(f"touch left; {first}")))
    await attempt(service, task(1, shell("ls -A . .."), attempt=2, **counts))
    said = (task_directory(node, 1) / "stdout.txt").read_text()
    assert said == ".:\n\n..:\nstderr.txt\nstdout.txt\nwd\n"


async def test_a_retry_follows_nothing_that_the_run_before_planted(
    service: Peer, agent: RunningAgent, node: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    plant = f"ln -sf {victim} ../stdout.txt; ln -s {victim} ../stderr.txt.1; exit 3"
    await attempt(service, task(1, shell(plant)))
    await attempt(service, task(1, shell("echo second; echo err >&2"), attempt=2, retries=1))
    assert victim.read_text() == "precious"
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "second\n"
    assert not (task_directory(node, 1) / "stderr.txt.1").is_symlink()


async def test_a_retry_of_the_start_task_goes_on_too(service: Peer, agent: RunningAgent, node: Path) -> None:
    for number in (1, 2):
        command = f"/bin/sh -c '{WRITES}' {number}"
        await service.send(RunStartTask(number, msgspec.json.encode({"commandLine": command})))
        await service.first(StartTaskEnded, lambda message, n=number: message.attempt == n)
    assert (node / "root" / "startup" / "stdout.txt").read_text() == "2\n1\n2\n"
    assert (node / "root" / "startup" / "stdout.txt.1").read_text() == "1\n1\n"


async def test_a_newer_attempt_ends_the_older(service: Peer, agent: RunningAgent) -> None:
    await service.send(task(1, WAITS), task(1, "true", attempt=2))
    old = await service.first(TaskEnded, lambda message: message.attempt == 1)
    new = await service.first(TaskEnded, lambda message: message.attempt == 2)
    assert old.failure is not None
    assert new.exit_code == 0


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
    await service.send(EndTask(1, 1, TERMINATED))
    await service.ended(1)
    assert not is_running(pid)


async def test_files_are_removed_when_asked(service: Peer, agent: RunningAgent, node: Path) -> None:
    await service.send(task(1, "true"), task(2, "true"))
    await service.ended(1)
    await service.ended(2)
    await service.send(RemoveTaskFiles("job", "t1"), RemoveTaskFiles("job", "../.."), task(3, "true"))
    await service.ended(3)
    assert not task_directory(node, 1).exists()
    assert task_directory(node, 2).exists()
    await service.send(RemoveJobFiles("job"), task(4, "true"))
    await service.ended(4)
    assert sorted(path.name for path in task_directory(node, 4).parent.iterdir()) == ["t4"]


async def test_start_task(service: Peer, agent: RunningAgent, node: Path) -> None:
    definition = (
        b'{"commandLine": "/bin/sh -c \'pwd; echo $AZ_BATCH_TASK_ID; exit 4\'", "waitForSuccess": true}'
    )
    run = RunStartTask(1, definition)
    await service.send(run, run)
    ended = await service.first(StartTaskEnded)
    assert (ended.attempt, ended.exit_code) == (1, 4)
    assert ended.failure is not None
    assert (node / "root" / "startup" / "stdout.txt").read_text() == f"{node}/root/startup/wd\n\n"
    await service.send(RunStartTask(2, b'{"commandLine": "true"}'))
    again = await service.first(StartTaskEnded, lambda message: message.attempt == 2)
    assert (again.exit_code, again.failure) == (0, None)
    assert [message.attempt for message in service.of_kind(StartTaskStarted)] == [1, 2]


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("echo fine; echo wrong >&2; exit 3", "wrong"),
        ("echo the reason; echo >&2; exit 3", "the reason"),
        ("exit 3", ""),
        ("echo wrong >&2; exit 0", ""),
        ("rm ../stderr.txt; mkfifo ../stderr.txt; echo out; exit 3", "out"),
        ("echo wrong >&2; ln ../stderr.txt again; exit 3", ""),
        ("rm ../stderr.txt; ln -s /etc/passwd ../stderr.txt; exit 3", ""),
    ],
)
async def test_what_a_failing_command_printed_last(
    service: Peer, agent: RunningAgent, script: str, line: str
) -> None:
    """Whatever it puts in the place of its output."""
    ended = await attempt(service, task(1, shell(script)))
    assert ended.last_line == line
