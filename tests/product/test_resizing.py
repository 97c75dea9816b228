"""A pool that shrinks while the service is killed: what its nodes wait for is waited for, and done once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from tests.product.survival.house import has_ended
from tests.service.house import make_task, pool_options, sh, until

from batchite.testing.service import RunningService, running_service, start, stop

DEADLINE = 60.0
POOL, JOB = "pool", "job"


def client_of(service: RunningService) -> BatchClient:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return BatchClient(service.batch_url, credential)


def kill_batch(service: RunningService) -> None:
    """As it stands; the supervisor starts another."""
    victim = psutil.Process(int((service.data_dir / "batch.lock").read_text()))
    victim.send_signal(signal.SIGKILL)
    until(lambda: has_ended(victim), bool, "the Batch process ends", DEADLINE)


def kill_all(service: RunningService) -> None:
    supervisor = psutil.Process(service.process.pid)
    for victim in (supervisor, *supervisor.children()):
        victim.send_signal(signal.SIGKILL)
    service.process.wait()
    if service.process.stdin is not None:
        service.process.stdin.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    with running_service(tmp_path / "data") as running:
        yield running


class Gates:
    """Files that tasks wait for, and others that say how often each has run."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def task(self, name: str) -> models.BatchTaskCreateOptions:
        ran, gate = self.where / f"{name}.ran", self.where / f"{name}.gate"
        script = f"echo began; echo >> {ran}; while [ ! -e {gate} ]; do sleep 0.05; done"
        return make_task(sh(script), task_id=name)

    def open(self, name: str) -> None:
        (self.where / f"{name}.gate").touch()

    def runs(self, name: str) -> int:
        path = self.where / f"{name}.ran"
        return len(path.read_text().splitlines()) if path.exists() else 0


def states(client: BatchClient) -> list[str]:
    return sorted(str(node.state.value) for node in client.list_nodes(POOL))


def shrink(client: BatchClient, option: str) -> None:
    wanted = models.BatchPoolResizeOptions(target_dedicated_nodes=0, node_deallocation_option=option)
    client._resize_pool_internal(POOL, wanted)


def until_empty(client: BatchClient) -> Any:
    return until(
        lambda: client.get_pool(POOL),
        lambda found: (found.allocation_state.value, found.current_dedicated_nodes) == ("steady", 0),
        "the pool is empty",
        DEADLINE,
    )


def begin(client: BatchClient, gates: Gates, *names: str, nodes: int, **task: Any) -> None:
    client.create_pool(pool_options(POOL, nodes))
    client.create_job(models.BatchJobCreateOptions(id=JOB, pool_info=models.BatchPoolInfo(pool_id=POOL)))
    for name in names:
        wanted = gates.task(name)
        wanted.constraints = models.BatchTaskConstraints(**task)
        client.create_task(JOB, wanted)
    until(lambda: [gates.runs(name) for name in names][:nodes], all, "the tasks run", DEADLINE)
    until(lambda: states(client), lambda found: found == ["running"] * nodes, "nodes run", DEADLINE)
    until(lambda: client.get_pool(POOL), lambda found: found.allocation_state == "steady", "steady", DEADLINE)


@pytest.mark.endurance
def test_taskcompletion_goes_on_after_a_kill(service: RunningService, tmp_path: Path) -> None:
    client, gates = client_of(service), Gates(tmp_path)
    begin(client, gates, "first", "other", "waits", nodes=2)
    shrink(client, "taskcompletion")
    until(lambda: states(client), lambda found: found == ["leavingpool"] * 2, "they leave", DEADLINE)
    kill_batch(service)
    until(lambda: states(client), lambda found: found == ["leavingpool"] * 2, "they leave still", DEADLINE)
    assert client.get_pool(POOL).allocation_state == "resizing"
    gates.open("first")
    until(lambda: states(client), lambda found: found == ["leavingpool"], "one has left", DEADLINE)
    assert client.get_pool(POOL).allocation_state == "resizing"
    kill_batch(service)
    gates.open("other")
    assert until_empty(client).resize_errors is None
    tasks = {task.id: task for task in client.list_tasks(JOB)}
    assert {name: task.state.value for name, task in tasks.items()} == {
        "first": "completed",
        "other": "completed",
        "waits": "active",
    }
    assert [tasks[name].execution_info.exit_code for name in ("first", "other")] == [0, 0]
    assert {task.execution_info.requeue_count for task in tasks.values()} == {0}
    assert [gates.runs(name) for name in ("first", "other", "waits")] == [1, 1, 0]


@pytest.mark.endurance
def test_taskcompletion_goes_on_after_all_was_killed(tmp_path: Path) -> None:
    """Supervisor and services; the task ends while nobody is there."""
    data_dir, gates = tmp_path / "data", Gates(tmp_path)
    service = start(data_dir)
    with client_of(service) as client:
        begin(client, gates, "only", nodes=1)
        shrink(client, "taskcompletion")
        until(lambda: states(client), lambda found: found == ["leavingpool"], "it leaves", DEADLINE)
    kill_all(service)
    gates.open("only")
    service = start(data_dir)
    try:
        client = client_of(service)
        until_empty(client)
        assert client.get_task(JOB, "only").execution_info.exit_code == 0
        assert gates.runs("only") == 1
    finally:
        stop(service)


@pytest.mark.endurance
def test_retaineddata_goes_on_after_a_kill(service: RunningService, tmp_path: Path) -> None:
    client, gates = client_of(service), Gates(tmp_path)
    begin(client, gates, "kept", nodes=1, retention_time="P1D")
    gates.open("kept")
    until(lambda: client.get_task(JOB, "kept"), lambda task: task.state == "completed", "it ends", DEADLINE)
    shrink(client, "retaineddata")
    until(lambda: states(client), lambda found: found == ["leavingpool"], "the node waits", DEADLINE)
    kill_batch(service)
    assert until(lambda: read(client), bool, "its files are there", DEADLINE) == b"began\n"
    assert client.get_pool(POOL).allocation_state == "resizing"
    assert states(client) == ["leavingpool"]
    client.delete_task(JOB, "kept")
    until_empty(client)


def test_retaineddata_waits_as_long_as_the_task_says(service: RunningService, tmp_path: Path) -> None:
    client, gates = client_of(service), Gates(tmp_path)
    begin(client, gates, "kept", nodes=1, retention_time="PT4S")
    shrink(client, "retaineddata")
    until(lambda: states(client), lambda found: found == ["leavingpool"], "the node waits", DEADLINE)
    gates.open("kept")
    kill_batch(service)
    pool = until_empty(client)
    ended = client.get_task(JOB, "kept").execution_info.end_time
    assert (pool.allocation_state_transition_time - ended).total_seconds() >= 4


def read(client: BatchClient) -> bytes:
    """Nothing as long as the node cannot be asked."""
    try:
        return b"".join(client.download_task_file(JOB, "kept", "stdout.txt"))
    except HttpResponseError:
        return b""


def test_ctrl_c_ends_what_nodes_wait_for_and_the_pool_shrinks_at_the_next_start(tmp_path: Path) -> None:
    data_dir, gates = tmp_path / "data", Gates(tmp_path)
    service = start(data_dir)
    with client_of(service) as client:
        begin(client, gates, "only", nodes=1)
        shrink(client, "taskcompletion")
        until(lambda: states(client), lambda found: found == ["leavingpool"], "it leaves", DEADLINE)
    stop(service)
    service = start(data_dir)
    try:
        client = client_of(service)
        until_empty(client)
        (task,) = client.list_tasks(JOB)
        assert (task.state.value, task.execution_info.retry_count) == ("active", 0)
        assert not any((data_dir / "nodes").iterdir())
    finally:
        stop(service)
