"""An orderly stop while the process that should end the nodes is down."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import azure.batch
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from tests.product.test_serve import child, processes_of
from tests.service.house import lines, make_task, pool_options, until

from batchite.processes.ending import sentence
from batchite.testing.service import RunningService, running_service, start

DEADLINE = 60.0


def client(service: RunningService) -> azure.batch.BatchClient:
    return azure.batch.BatchClient(
        service.batch_url, AzureNamedKeyCredential(service.batch_account, service.batch_key)
    )


def test_nodes_end_though_batch_is_down_and_their_tasks_run_again(tmp_path: Path) -> None:
    runs, enough = tmp_path / "runs", tmp_path / "enough"
    script = f"echo >> {runs}; trap '' TERM; while [ ! -e {enough} ]; do sleep 0.1; done"
    service = start(tmp_path / "data")
    with client(service) as batch:
        batch.create_pool(pool_options("pool", 1))
        pool = models.BatchPoolInfo(pool_id="pool")
        batch.create_job(models.BatchJobCreateOptions(id="job", pool_info=pool))
        batch.create_task("job", make_task(f'/bin/sh -c "{script}"', task_id="task"))
        until(lambda: lines(runs), bool, "the task's first run")
    child(service, "batch").kill()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(DEADLINE) == 0
    assert processes_of(tmp_path) == []
    enough.touch()
    with running_service(tmp_path / "data") as again, client(again) as batch:
        task = until(lambda: batch.get_task("job", "task"), lambda it: it.state == "completed", "the second")
        assert (task.execution_info.result, task.execution_info.retry_count) == ("success", 0)
    assert len(lines(runs)) == 2


def test_what_cannot_be_ended_is_no_success(tmp_path: Path) -> None:
    service = start(tmp_path)
    (tmp_path / "nodes").write_text("where the directories of nodes should be")
    child(service, "batch").kill()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(DEADLINE) == 1


def test_what_cannot_be_ended_is_said(tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text("where the directories of nodes should be")
    command = [sys.executable, "-m", "batchite.processes.ending", str(tmp_path / "nodes")]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert f"not everything in {tmp_path}/nodes has ended" in ended.stderr
    many = sentence(tmp_path, {f"node-{number}": "of a test" for number in range(5)})
    assert "node-2: of a test; and 2 more" in many
