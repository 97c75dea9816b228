"""`job watch` and `task logs -f`, against a service that runs and is killed meanwhile."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential

from batchite.cli import exits, watching
from batchite.cli.watching import Counts, Progress
from batchite.testing import RunningService, running_service

PATIENCE = 90


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service(only="batch") as running:
        image = m.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        )
        machine = m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        )
        client_of(running).create_pool(
            m.BatchPoolCreateOptions(
                id="p",
                vm_size="standard_a1_v2",
                virtual_machine_configuration=machine,
                target_dedicated_nodes=1,
            )
        )
        yield running


def client_of(service: RunningService) -> BatchClient:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return BatchClient(service.batch_url, credential, retry_total=10)


def add(service: RunningService, job: str, **lines: str) -> None:
    """A job with a task for each command line."""
    client = client_of(service)
    client.create_job(m.BatchJobCreateOptions(id=job, pool_info=m.BatchPoolInfo(pool_id="p")))
    for task, line in lines.items():
        client.create_task(job, m.BatchTaskCreateOptions(id=task, command_line=line))


def begin(service: RunningService, *words: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "batchite", *words, "--data-dir", str(service.data_dir)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = threading.Timer(PATIENCE, process.kill)  # so that no read of what it prints waits for ever
    deadline.daemon = True
    deadline.start()
    return process


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


def kill_batch(service: RunningService) -> None:
    """The Batch process, which the supervisor starts again."""
    found = [
        child
        for child in children(service.process.pid)
        if b"\0batch\0" in (Path("/proc") / str(child) / "cmdline").read_bytes() + b"\0"
    ]
    assert len(found) == 1
    os.kill(found[0], signal.SIGKILL)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_job_is_watched_to_its_end(service: RunningService) -> None:
    add(service, "good", a="/bin/true", b="/bin/true")
    code, output, errors = finish(begin(service, "job", "watch", "good"))
    assert (code, errors) == (0, "")
    assert output.splitlines()[-1] == "good: 2 of 2 done (0 failed), 0 running, 0 waiting"


def test_failures_are_told_and_give_the_exit_code(service: RunningService, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    wait = f"until test -e {gate}; do sleep 0.05; done"
    add(service, "bad", a=f"/bin/sh -c '{wait}; exit 7'", b="/bin/true")
    watching_it = begin(service, "job", "watch", "bad")
    assert watching_it.stdout is not None
    assert watching_it.stdout.readline().startswith("bad: ")
    gate.touch()
    code, output, _ = finish(watching_it)
    assert code == exits.TASKS_FAILED
    assert any(line.startswith("failed: a: exit code 7 on tvm") for line in output.splitlines())
    assert output.splitlines()[-1] == "bad: 2 of 2 done (1 failed), 0 running, 0 waiting"


def test_what_was_before_is_told_too_if_it_is_asked_for(service: RunningService) -> None:
    add(service, "late", a="/bin/false", b="/bin/true")
    finish(begin(service, "job", "watch", "late"))
    code, output, _ = finish(begin(service, "job", "watch", "late", "--from-start"))
    first, last = output.splitlines()
    assert code == exits.TASKS_FAILED
    assert first.startswith("failed: a: exit code 1 on tvm")
    assert last == "late: 2 of 2 done (1 failed), 0 running, 0 waiting"
    _, output, _ = finish(begin(service, "job", "watch", "late", "--from-start", "--json"))
    told = [json.loads(line) for line in output.splitlines()]
    assert told[0] | {"time": ""} == {
        "kind": "job",
        "state": "active",
        "jobId": "late",
        "poolId": "p",
        "time": "",
    }
    assert sorted(event["taskId"] for event in told if event.get("result")) == ["a", "b"]


def test_a_former_job_of_the_id_is_told_from_the_one_that_is_watched(service: RunningService) -> None:
    add(service, "twice", a="/bin/false")
    finish(begin(service, "job", "watch", "twice"))
    client_of(service).begin_delete_job("twice").result()
    add(service, "twice", b="/bin/true")
    code, output, _ = finish(begin(service, "job", "watch", "twice", "--from-start"))
    lines = output.splitlines()
    assert (code, lines[1]) == (0, "deleted: the job twice; what follows is of another one")
    assert lines[-1] == "twice: 1 of 1 done (0 failed), 0 running, 0 waiting"


def test_changes_as_json_across_a_kill(service: RunningService, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    add(service, "long", a=f"/bin/sh -c 'until test -e {gate}; do sleep 0.05; done'")
    watching_it = begin(service, "job", "watch", "long", "--json")
    first = json.loads(first_line(service, "long", watching_it))
    kill_batch(service)
    gate.touch()
    code, output, _ = finish(watching_it)
    assert code == 0
    told = [first, *map(json.loads, output.splitlines())]
    states = [event["state"] for event in told if event.get("taskId") == first["taskId"]]
    assert states[-3:] == ["active", "running", "completed"]
    assert [event["state"] for event in told if event.get("taskId") == "a"][-1] == "completed"


def first_line(service: RunningService, job: str, process: subprocess.Popen[str]) -> str:
    """Of a command that follows a job: that it has begun is seen when it tells of a task that is added."""
    assert process.stdout is not None
    client, deadline = client_of(service), time.monotonic() + PATIENCE
    for number in itertools.count():
        client.create_task(job, m.BatchTaskCreateOptions(id=f"b{number}", command_line="/bin/true"))
        if select.select([process.stdout], [], [], 0.5)[0]:
            break
        assert time.monotonic() < deadline
    return process.stdout.readline()


def test_a_job_that_is_not_there(service: RunningService) -> None:
    code, output, errors = finish(begin(service, "job", "watch", "nosuch"))
    assert (code, output) == (exits.NOT_FOUND, "")
    assert errors.startswith("batchite: ")


def test_logs_are_followed_across_a_kill_until_the_task_has_completed(
    service: RunningService, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    line = f"/bin/sh -c 'echo first; until test -e {gate}; do sleep 0.05; done; echo last; echo oh >&2'"
    add(service, "talks", t=line)
    following = begin(service, "task", "logs", "-f", "talks", "t")
    assert following.stdout is not None
    assert following.stdout.readline() == "first\n"
    kill_batch(service)
    gate.touch()
    code, output, errors = finish(following)
    assert (code, output) == (0, "last\n")
    assert errors.splitlines()[-1] == "oh"


def test_logs_of_a_task_that_waits_and_of_one_that_never_ran(service: RunningService) -> None:
    client = client_of(service)
    client.create_job(m.BatchJobCreateOptions(id="idle", pool_info=m.BatchPoolInfo(pool_id="later")))
    client.create_task("idle", m.BatchTaskCreateOptions(id="t", command_line="/bin/true"))
    following = begin(service, "task", "logs", "--follow", "idle", "t", "--stdout")
    client.terminate_task("idle", "t")
    assert finish(following) == (0, "", "")


def test_one_job_and_one_task_are_meant(service: RunningService) -> None:
    code, _, errors = finish(begin(service, "task", "logs", "a", "b", "c"))
    assert code == exits.USAGE
    assert "one job and one task" in errors
    code, _, errors = finish(begin(service, "task", "logs", "-f", "a", "b", "--json"))
    assert code == exits.USAGE


# -- what is shown


def test_progress_in_a_line() -> None:
    counts = Counts(active=8000, running=2, succeeded=1990, failed=10)
    assert (
        watching.line("job", counts, None)
        == "job: 2,000 of 10,002 done (10 failed), 2 running, 8,000 waiting"
    )
    assert watching.line("job", counts, 100.0).endswith("; 100.0/s, 1 min 20 s left")
    assert "left" not in watching.line("job", Counts(0, 0, 5, 0), 100.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599.4, "59 min 59 s"), (7260, "2 h 1 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert watching.duration(seconds) == text


def test_the_rate_looks_back_a_while() -> None:
    progress = Progress()
    progress.note(0.0, 0)
    assert progress.rate is None
    progress.note(10.0, 50)
    assert progress.rate == 5.0
    for second in range(11, 61):
        progress.note(float(second), 50 + (second - 10))
    assert progress.rate == pytest.approx(1.0)
    progress.note(200.0, 100)
    assert progress.rate is None


def test_what_is_said_of_a_failure() -> None:
    event = {"kind": "task", "taskId": "t", "exitCode": 3, "nodeId": "n", "failure": "FailureExitCode"}
    assert watching.failure(event) == "failed: t: exit code 3 on n"
    assert watching.failure({"kind": "task", "taskId": "t", "failure": "TaskEnded"}) == "failed: t: TaskEnded"
