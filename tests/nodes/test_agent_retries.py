"""Tasks on a node that are run again, or given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from tests.nodes.conftest import RunningAgent, StartAgent
from tests.nodes.peer import DEADLINE, Peer, start_task, task, task_directory
from tests.nodes.running import TERMINATED, WAITS, attempt, shell, wait_for

from batchite.link.messages import (
    EndRun,
    RecallRun,
    RunEnded,
    RunReturned,
)


async def test_only_tasks_that_wait_are_given_back(service: Peer, agent: RunningAgent) -> None:
    await service.send(task(1, WAITS, slots=2), task(2, WAITS, slots=2), task(3, "true", slots=2))
    await service.send(RecallRun(1, 1), RecallRun(2, 1), EndRun(1, 1, TERMINATED))
    returned = await service.first(RunReturned)
    assert (returned.number, returned.attempt) == (2, 1)
    assert (await service.ended(3)).exit_code == 0
    assert len(service.of_kind(RunReturned)) == 1


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
    await service.first(RunEnded, lambda message: message.attempt == 2)
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
        content = msgspec.json.encode({"commandLine": command})
        await service.send(start_task(number, content, retries=number - 1))
        await service.first(RunEnded, lambda message, n=number: message.attempt == n)
    assert (node / "root" / "startup" / "stdout.txt").read_text() == "2\n1\n2\n"
    assert (node / "root" / "startup" / "stdout.txt.1").read_text() == "1\n1\n"


async def test_a_newer_attempt_ends_the_older(service: Peer, agent: RunningAgent) -> None:
    await service.send(task(1, WAITS), task(1, "true", attempt=2))
    old = await service.first(RunEnded, lambda message: message.attempt == 1)
    new = await service.first(RunEnded, lambda message: message.attempt == 2)
    assert old.failure is not None
    assert new.exit_code == 0


async def test_an_older_attempt_may_end_after_the_newer(
    service: Peer, start_agent: StartAgent, fifo: Path
) -> None:
    """It takes its time to end; what waits for its slots begins then."""
    await start_agent({"grace": DEADLINE}, slots=2)
    script = f'trap "read x < {fifo}; exit" TERM; echo > {fifo}; while :; do sleep 0.01; done'
    await service.send(task(1, f"/bin/sh -c {script!r}"))
    await wait_for(service, fifo)
    await service.send(task(1, "true", attempt=2), task(2, "true", slots=2))
    new = await service.first(RunEnded, lambda message: message.attempt == 2)
    assert (new.exit_code, len(service.of_kind(RunEnded))) == (0, 1)
    await asyncio.to_thread(fifo.write_text, "go\n")
    old = await service.first(RunEnded, lambda message: (message.number, message.attempt) == (1, 1))
    assert old.failure is not None
    assert (await service.ended(2)).exit_code == 0
