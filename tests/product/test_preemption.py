"""A low-priority node that the operator takes away, while a real task saves its work; and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import azure.batch
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from tests.service.house import make_task, pool_options, sh, until

from batchite.testing.service import running_service

CONFIG = "[fidelity]\npreemption_notice = 60\npreemption_absence = 0\n"


def command(data_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "batchite", *words, "--data-dir", str(data_dir)]
    return subprocess.run(line, check=False, capture_output=True, text=True)


def test_a_task_saves_its_work_and_goes_on_when_the_node_is_back(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saves = f'trap "echo step > {saved}; exit 1" TERM; while :; do sleep 0.05; done'
    script = f"test -e {saved} && exit; echo > {tmp_path}/begun; {saves}"
    config = tmp_path / "batchite.toml"
    config.write_text(CONFIG)
    data_dir = tmp_path / "data"
    with running_service(data_dir, config=config) as service:
        key = AzureNamedKeyCredential(service.batch_account, service.batch_key)
        with azure.batch.BatchClient(service.batch_url, key) as batch:
            options = pool_options("cheap", 0)
            options.target_low_priority_nodes = 1
            batch.create_pool(options)
            batch.create_job(
                models.BatchJobCreateOptions(id="job", pool_info=models.BatchPoolInfo(pool_id="cheap"))
            )
            batch.create_task("job", make_task(sh(script), task_id="task"))
            until((tmp_path / "begun").exists, bool, "the task runs", 60)
            (node,) = batch.list_nodes("cheap")
            assert node.is_dedicated is False
            answer = command(data_dir, "node", "preempt", node.id, "--json")
            assert answer.returncode == 0, answer.stderr
            assert json.loads(answer.stdout)["id"] == node.id
            task = until(
                lambda: batch.get_task("job", "task"), lambda task: task.state == "completed", "its end", 60
            )
            assert saved.read_text() == "step\n"
            assert (task.execution_info.exit_code, task.execution_info.retry_count) == (0, 0)
            assert task.execution_info.requeue_count == 0
            (again,) = batch.list_nodes("cheap")
            assert (again.id, again.allocation_time) == (node.id, node.allocation_time)
            assert again.last_boot_time > node.last_boot_time
