"""The local engine: the suite of all engines, and what only processes on this machine can show."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.engines.conformance import (
    DEADLINE,
    SIZE,
    EngineConformance,
    begin,
    is_running,
    occupy,
    pids,
    start,
    until,
    write_script,
)
from tests.engines.local_world import LocalWorld, no_descriptors, of_kernel
from tests.nodes.peer import NODE, node_spec, peer, task

from batchite.engines.base import Handle
from batchite.engines.local import agent, leftovers
from batchite.engines.local import engine as local_engine
from batchite.engines.local.directory import NodeDirectory
from batchite.link.messages import Hello, RunStarted
from batchite.machine import proc

NEVER = 3600.0
"""seconds"""
ON_TERMINAL = """
import os, sys, time
os.setsid()
os.close(os.open(sys.argv[1], os.O_RDWR))
print(flush=True)
time.sleep(600)
"""


@pytest.fixture
async def world(tmp_path: Path, one_starter: None) -> AsyncIterator[LocalWorld]:
    async with peer() as service:
        world = LocalWorld(service, tmp_path)
        yield world
        await world.clear()


@pytest.fixture
async def complaints() -> list[str]:
    """What callbacks of the loop raise."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(str(context)))
    return heard


class TestLocalEngine(EngineConformance):
    pass


async def test_the_credential_is_only_in_a_file_of_the_owner(world: LocalWorld) -> None:
    _, handle = await start(world, world.engine())
    pid = json.loads(handle)["pid"]
    assert stat.S_IMODE((world.nodes / NODE / "agent.json").stat().st_mode) == 0o600
    assert b"the-token" not in of_kernel(pid, "cmdline") + of_kernel(pid, "environ")
    assert "the-token" not in handle


async def test_agents_inherit_nothing(world: LocalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", "secret")
    _, handle = await start(world, world.engine())
    pid = json.loads(handle)["pid"]
    assert b"AZURE_STORAGE_KEY" not in of_kernel(pid, "environ")
    assert os.getsid(pid) == pid
    targets = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)}
    assert targets == {"/dev/null", str(world.nodes / NODE / "agent.log")}


async def test_a_dead_agent_is_no_zombie_and_its_directory_goes_when_it_is_stopped(world: LocalWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    pid = json.loads(handle)["pid"]
    await world.kill(NODE)
    await until(lambda: bool(world.lost))
    assert proc.read(pid) is None
    assert (world.nodes / NODE).exists()
    await engine.stop(NODE, None)
    assert not (world.nodes / NODE).exists()


def test_the_end_of_a_log_is_told_from_the_beginning_of_a_line_on(tmp_path: Path) -> None:
    directory = NodeDirectory(tmp_path, NODE)
    assert directory.said(100) is None
    directory.path.mkdir()
    directory.log.write_bytes(b"first\nsecond\n\xff third\n")
    assert directory.said(100) == "first\nsecond\n\ufffd third\n"
    assert directory.said(18) == "second\n\ufffd third\n"
    assert directory.said(10) == "\ufffd third\n"
    assert directory.said(3) == "rd\n", "a line that is longer than what may be told"
    assert directory.last_words() == "\ufffd third"
    directory.log.write_bytes(b"The node ends: nobody answers.\n")
    assert directory.last_words() == "The node ends: nobody answers"


@pytest.mark.parametrize("kind", ["link", "linked directory", "pipe", "directory"])
def test_what_tasks_put_in_the_place_of_a_log_is_not_told(tmp_path: Path, kind: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "agent.log").write_text("secret\n")
    directory = NodeDirectory(tmp_path / "nodes", NODE)
    directory.path.parent.mkdir()
    if kind == "linked directory":
        directory.path.symlink_to(other)
    else:
        directory.path.mkdir()
    if kind == "link":
        directory.log.symlink_to(other / "agent.log")
    elif kind == "pipe":
        os.mkfifo(directory.log)
    elif kind == "directory":
        directory.log.mkdir()
    assert directory.said(100) is None


async def test_the_reason_of_a_loss_quotes_the_agent(world: LocalWorld) -> None:
    world.service.refusal = (410, {})
    await start_without_hello(world)
    await until(lambda: bool(world.lost))
    assert "410" in world.lost[0][1]


async def start_without_hello(world: LocalWorld) -> None:
    await begin(world.engine(), node_spec(world.service.url))


async def test_an_agent_that_cannot_be_ended_in_order_is_killed(world: LocalWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    left = await occupy(world)
    await asyncio.wait_for(engine.stop(NODE, handle, grace=0.01), DEADLINE)
    assert not [pid for pid in left if is_running(pid)]


async def test_an_agent_that_was_stopped_by_a_signal_is_woken_to_end(world: LocalWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    os.kill(json.loads(handle)["pid"], signal.SIGSTOP)
    log = world.nodes / NODE / "agent.log"
    await asyncio.wait_for(engine.stop(NODE, handle, keep_files=True, grace=NEVER), DEADLINE)
    assert "the agent got SIGTERM" in log.read_text()


async def test_a_silent_node_can_be_killed_at_once(world: LocalWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    left = await occupy(world)
    os.kill(json.loads(handle)["pid"], signal.SIGSTOP)
    await asyncio.wait_for(engine.stop(NODE, handle, keep_files=True, grace=0), DEADLINE)
    assert not [pid for pid in left if is_running(pid)]
    assert "SIGTERM" not in (world.nodes / NODE / "agent.log").read_text()


async def test_a_node_is_watched_once_and_its_descriptor_closed_once(
    world: LocalWorld, complaints: list[str]
) -> None:
    """Whoever uses a number a second time may mean another node's by then."""
    engine = world.engine()
    spec, handle = await start(world, engine)
    await engine.close()
    second = world.engine()
    await asyncio.gather(second.stop(NODE, handle), second.adopt({NODE: handle}), second.adopt({NODE: None}))
    await asyncio.gather(second.adopt({NODE: None}), begin(second, spec), begin(second, spec))
    await world.kill(NODE)
    await until(lambda: bool(world.lost))
    assert complaints == []


async def test_a_caller_that_gives_up_leaves_no_unwatched_node(world: LocalWorld) -> None:
    engine = world.engine()
    starting = asyncio.create_task(engine.start([node_spec(world.service.url)], SIZE))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await world.service.first(Hello)
    await world.kill(NODE)
    await until(lambda: bool(world.lost))


async def test_a_node_whose_start_was_given_up_can_be_stopped(world: LocalWorld) -> None:
    """As when the service stops while it starts nodes."""
    engine = world.engine()
    starting = asyncio.create_task(engine.start([node_spec(world.service.url)], SIZE))
    await asyncio.sleep(0)
    starting.cancel()
    await engine.stop(NODE, None, grace=0)
    with pytest.raises(LookupError):
        world.agent(NODE)
    assert not (world.nodes / NODE).exists()


async def test_without_descriptors_nothing_is_taken_for_over(world: LocalWorld) -> None:
    """What cannot be looked at may run."""
    engine = world.engine()
    _, handle = await start(world, engine)
    left = await occupy(world)
    await engine.close()
    second = world.engine()
    with no_descriptors():
        with pytest.raises(OSError, match="open files"):
            await second.adopt({NODE: handle})
        with pytest.raises(OSError, match="open files"):
            await second.stop(NODE, None)
        with pytest.raises(OSError, match="open files"):
            await begin(second, node_spec(world.service.url, node_id="another"))
    assert world.lost == []
    assert (world.nodes / NODE).exists()
    await second.stop(NODE, handle)
    assert not [pid for pid in left if is_running(pid)]


async def test_without_memory_or_threads_it_is_tried_again(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    shortages = [MemoryError(), RuntimeError("can't start new thread")]
    real = leftovers.kill_once

    def starved(remains: Sequence[leftovers.Remains]) -> bool:
        if shortages:
            raise shortages.pop()
        return real(remains)

    monkeypatch.setattr(local_engine, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(leftovers, "kill_once", starved)
    await start(world, world.engine())
    await world.kill(NODE)
    await until(lambda: bool(world.lost))
    assert shortages == []


async def test_a_process_number_that_was_given_anew_is_not_taken_for_the_agent(world: LocalWorld) -> None:
    """The handle names a living process that started at another time."""
    bystander = subprocess_of_this_test()
    try:
        handle = Handle(json.dumps({"pid": bystander.pid, "started": 1, "boot": boot_id()}))
        engine = world.engine()
        await engine.adopt({NODE: handle})
        await until(lambda: [node_id for node_id, _ in world.lost] == [NODE])
        await engine.stop(NODE, handle)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_a_handle_of_an_earlier_boot_is_worth_nothing(world: LocalWorld) -> None:
    bystander = subprocess_of_this_test()
    try:
        process = proc.read(bystander.pid)
        assert process is not None
        stale = {"pid": process.pid, "started": process.started, "boot": "another"}
        await world.engine().adopt({NODE: Handle(json.dumps(stale))})
        await until(lambda: bool(world.lost))
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def subprocess_of_this_test() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"])


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


async def test_killing_reaches_processes_that_multiply(world: LocalWorld) -> None:
    """A tree that starts a new session in every round, at the moment its agent dies."""
    path, script = world.scratch / "pids", world.scratch / "multiply"
    lines = [f"echo $$ >> {path}", "sleep 0.02", f"setsid /bin/sh {script} &", "wait"]
    write_script(script, lines)
    await start(world, world.engine())
    await world.service.send(task(1, f"/bin/sh {script}"))
    await world.service.first(RunStarted)
    await until(lambda: len(pids(path)) >= 3)
    await world.kill(NODE)
    await until(lambda: bool(world.lost))
    assert not [pid for pid in pids(path) if is_running(pid)]


async def test_directories_that_tasks_made_unwritable_are_removed(world: LocalWorld) -> None:
    engine = world.engine()
    spec, handle = await start(world, engine)
    await world.service.send(task(1, "/bin/sh -c 'mkdir -p a/b; touch a/b/c; chmod 000 a/b; chmod 555 a'"))
    await world.service.ended(1)
    await engine.stop(spec.node_id, handle)
    await until(lambda: list(world.nodes.iterdir()) == [])


async def test_directories_deeper_than_a_program_recurses_are_removed(world: LocalWorld) -> None:
    engine = world.engine()
    spec, handle = await start(world, engine)
    deep = "import os\nfor _ in range(1500): os.mkdir('d' * 50); os.chdir('d' * 50)"
    await world.service.send(task(1, shlex.join([sys.executable, "-c", deep])))
    await world.service.ended(1)
    await engine.stop(spec.node_id, handle)
    await until(lambda: list(world.nodes.iterdir()) == [])


async def test_files_are_kept_for_a_node_that_comes_back(world: LocalWorld) -> None:
    engine = world.engine()
    spec, handle = await start(world, engine)
    await world.service.send(task(1, "/bin/sh -c 'echo one'"))
    await world.service.ended(1)
    await engine.stop(spec.node_id, handle, keep_files=True)
    world.service.heard.clear()
    await start(world, engine)
    await world.service.send(task(1, "/bin/sh -c 'echo two'", attempt=2))
    assert (await world.service.ended(1)).exit_code == 0


@pytest.mark.parametrize("node_id", ["", "..", "a/b", ".hidden"])
async def test_node_ids_that_name_no_directory(world: LocalWorld, node_id: str) -> None:
    with pytest.raises(ValueError, match="directory"):
        await world.engine().stop(node_id, None)


def test_nodes_of_others_and_people_looking_around_are_left_alone(world: LocalWorld) -> None:
    """Another node's processes, and a shell on a terminal that stands in the node's directory."""
    root = world.scratch / "x" / "root"
    root.mkdir(parents=True)
    other = subprocess.Popen(["sleep", "600"], env={"AZ_BATCH_NODE_ROOT_DIR": f"{root}2"})
    own = subprocess.Popen(
        ["sleep", "600"], env={"AZ_BATCH_NODE_ROOT_DIR": str(root)}, start_new_session=True
    )
    called = subprocess.Popen(
        ["sleep", "600"], env={"AZ_BATCH_NODE_ROOT_DIR": "/short"}, start_new_session=True
    )
    inside = subprocess.Popen(["sleep", "600"], cwd=root, start_new_session=True)
    with (root / "stdout.txt").open("wb") as output:
        writes = subprocess.Popen(["sleep", "600"], cwd="/", stdout=output, start_new_session=True)
    terminal, child_side = os.openpty()
    somebody = subprocess.Popen(
        [sys.executable, "-c", ON_TERMINAL, os.ttyname(child_side)], cwd=root, stdout=subprocess.PIPE
    )
    assert somebody.stdout is not None
    somebody.stdout.readline()
    try:
        found = {process.pid for process in leftovers.find(str(root), "/short")}
        assert found == {own.pid, called.pid, inside.pid, writes.pid}
    finally:
        for process in (other, own, called, inside, writes, somebody):
            process.kill()
            process.wait()
        somebody.stdout.close()
        os.close(terminal)
        os.close(child_side)


def test_of_several_with_the_words_of_an_agent_the_oldest_is_it(tmp_path: Path) -> None:
    """What an agent is about to start shows its words for a moment."""
    words = ["/bin/sh", "-c", "read line", "-m", "batchite.nodes", str(tmp_path)]

    with contextlib.ExitStack() as stack:

        def start_one() -> agent.Agent:
            process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, close_fds=True))
            found = agent.identify(process.pid)
            assert found is not None
            return found

        first = start_one()
        start_one()
        assert agent.running()[str(tmp_path)] == first


async def test_files_that_an_earlier_process_had_no_time_to_remove_are_removed(world: LocalWorld) -> None:
    left = NodeDirectory(world.nodes, NODE)
    left.tell(node_spec(world.service.url))
    assert left.discard() is not None
    assert world.engine().found() == set()
    await until(lambda: list(world.nodes.iterdir()) == [])


async def test_a_node_that_was_never_begun_costs_no_look_at_processes(world: LocalWorld) -> None:
    engine = world.engine()
    with no_descriptors():
        await engine.stop("never-started", None)
