"""Tasks on a node: what runs, where, with what, and what is reported."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.nodes.conftest import RunningAgent, StartAgent
from tests.nodes.peer import NODE, Peer, start_task, task, task_directory
from tests.nodes.running import WAITS, attempt, sequence, serving, shell

from batchite.link.messages import (
    FilesKept,
    FilesOf,
    FilesRemoved,
    RemoveFiles,
    RemoveJobFiles,
    RemoveTaskFiles,
    RunEnded,
    RunKey,
    RunStarted,
)


async def test_a_task_runs_and_its_output_is_kept(service: Peer, agent: RunningAgent, node: Path) -> None:
    await service.send(task(1, shell("echo out; echo err >&2; pwd > where")))
    ended = await service.ended(1)
    started = await service.first(RunStarted)
    assert (ended.exit_code, ended.failure) == (0, None)
    assert ended.started == started.started
    assert ended.started < ended.ended
    directory = task_directory(node, 1)
    assert (directory / "stdout.txt").read_text() == "out\n"
    assert (directory / "stderr.txt").read_text() == "err\n"
    assert (directory / "wd" / "where").read_text().strip() == str(directory / "wd")


async def test_reports_are_numbered_without_gaps(service: Peer, agent: RunningAgent) -> None:
    await service.send(*[task(number, "/bin/true") for number in range(20)])
    await service.until(lambda: len(service.of_kind(RunEnded)) == 20)
    reports = [m.report for m in service.heard if isinstance(m, RunStarted | RunEnded)]
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
    await service.send(start_task(1, b'{"commandLine": "env"}'))
    await service.first(RunEnded)
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
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as directory:
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
    await service.first(RunStarted, lambda m: m.number == 1)
    await asyncio.to_thread(fifo.write_text, "go\n")
    await service.ended(3)
    order = sequence(service)
    assert order.index(("RunEnded", 1)) < order.index(("RunStarted", 2))
    assert order.index(("RunEnded", 2)) < order.index(("RunStarted", 3))


async def test_as_many_tasks_run_at_once_as_slots_allow(
    service: Peer, agent: RunningAgent, fifo: Path
) -> None:
    """Each of the two can end only while the other runs."""
    await service.send(task(1, shell(f"read x < {fifo}")), task(2, shell(f"echo go > {fifo}")))
    assert (await service.ended(1)).exit_code == 0
    assert (await service.ended(2)).exit_code == 0


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


async def test_a_failed_download_is_the_tasks_failure(service: Peer, agent: RunningAgent) -> None:
    files = [{"httpUrl": f"{service.url}/x", "filePath": "../x"}]
    await service.send(task(1, "true", resourceFiles=files))
    ended = await service.ended(1)
    assert ended.failure is not None
    assert (ended.exit_code, ended.failure.code) == (None, "ResourceFileCreateFailed")


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


async def test_a_node_says_which_directories_it_has_in_which_nothing_runs(
    service: Peer, agent: RunningAgent, node: Path
) -> None:
    await service.send(task(1, "true"), task(2, WAITS))
    await service.ended(1)
    await service.first(RunStarted, lambda message: message.number == 2)
    before = len(service.of_kind(FilesKept))
    (node / "root" / "workitems" / "job" / "job-1" / "no task").mkdir()
    (node / "root" / "workitems" / "file").touch()
    await service.cut()
    await service.until(lambda: len(service.of_kind(FilesKept)) > before)
    assert service.of_kind(FilesKept)[-1].directories == (("job", "job-1", "t1"),)


async def test_start_task(service: Peer, agent: RunningAgent, node: Path) -> None:
    definition = (
        b'{"commandLine": "/bin/sh -c \'pwd; echo $AZ_BATCH_TASK_ID; exit 4\'", "waitForSuccess": true}'
    )
    run = start_task(1, definition)
    await service.send(run, run)
    ended = await service.first(RunEnded)
    assert (ended.attempt, ended.exit_code) == (1, 4)
    assert ended.failure is not None
    assert (node / "root" / "startup" / "stdout.txt").read_text() == f"{node}/root/startup/wd\n\n"
    await service.send(start_task(2, b'{"commandLine": "true"}'))
    again = await service.first(RunEnded, lambda message: message.attempt == 2)
    assert (again.exit_code, again.failure) == (0, None)
    assert [message.attempt for message in service.of_kind(RunStarted)] == [1, 2]


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


async def test_files_that_are_kept_no_more(service: Peer, agent: RunningAgent, node: Path) -> None:
    """The agent says that they are gone, also of what is not there and of what no task can be called."""
    await attempt(service, task(1, shell("mkdir -m 0 locked")))
    await attempt(service, task(2, "true"))
    gone = (
        FilesOf(1, 1, "job", "t1"),
        FilesOf(7, 3, "job", "t7"),
        FilesOf(8, 1, "job", "../t2"),
        FilesOf(9, 0, "job", "jobrelease", "release"),
    )
    await service.send(RemoveFiles(gone))
    told = await service.first(FilesRemoved)
    assert told.runs == (RunKey(1, 1), RunKey(7, 3), RunKey(8, 1), RunKey(9, 0, "release"))
    assert not task_directory(node, 1).exists()
    assert task_directory(node, 2).exists()
