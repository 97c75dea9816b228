"""A job is prepared and released on real nodes that reboot, by a service that is killed meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import azure.batch
import pytest
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from tests.product.survival.house import House
from tests.product.survival.insisting import insist
from tests.product.test_preemption import command
from tests.service.house import lines, make_task, pool_options, sh, until

from batchite.testing.service import stop


def gated(log: Path, word: str) -> str:
    """Writes that it has begun, waits until it may go on, and writes that it is done."""
    gate = log.with_name(word)
    return sh(f"echo {word} >> {log}; until test -e {gate}; do sleep 0.02; done; echo {word} done >> {log}")


@pytest.mark.endurance
def test_preparation_and_release_outlive_reboots_and_kills(tmp_path: Path) -> None:
    log, data_dir = tmp_path / "log", tmp_path / "data"
    house = House(data_dir)
    try:
        service = house.service
        key = AzureNamedKeyCredential(service.batch_account, service.batch_key)
        with azure.batch.BatchClient(service.batch_url, key, retry_total=0) as batch:

            def completed(task_id: str) -> None:
                until(
                    lambda: insist(lambda: batch.get_task("job", task_id)).execution_info.result,
                    lambda result: result == "success",
                    task_id,
                    60,
                )

            batch.create_pool(pool_options("pool", 1))
            batch.create_job(
                models.BatchJobCreateOptions(
                    id="job",
                    pool_info=models.BatchPoolInfo(pool_id="pool"),
                    job_preparation_task=models.BatchJobPreparationTask(command_line=gated(log, "prepare")),
                    job_release_task=models.BatchJobReleaseTask(command_line=gated(log, "release")),
                )
            )
            batch.create_task("job", make_task(sh(f"echo ran >> {log}"), task_id="first"))
            until(lambda: lines(log), lambda found: found == ["prepare"], "preparation begins", 60)
            house.kill_batch()
            house.wait_until_healthy()
            (tmp_path / "prepare").touch()
            completed("first")
            assert lines(log) == ["prepare", "prepare done", "ran"]
            (node,) = insist(lambda: list(batch.list_nodes("pool")))
            assert command(data_dir, "node", "reboot", node.id, "--wait").returncode == 0
            batch.create_task("job", make_task(sh(f"echo ran >> {log}"), task_id="second"))
            completed("second")
            assert lines(log)[3:] == ["prepare", "prepare done", "ran"], "it ran again after the boot"
            assert command(data_dir, "job", "terminate", "job", "--reason", "enough").returncode == 0
            until(lambda: lines(log)[6:], lambda found: found == ["release"], "release begins", 60)
            assert command(data_dir, "node", "reboot", node.id).returncode == 0
            until(lambda: lines(log)[6:], lambda found: found == ["release"] * 2, "it begins again", 60)
            house.kill_batch()
            house.wait_until_healthy()
            assert insist(lambda: batch.get_job("job")).state == "terminating"
            (tmp_path / "release").touch()
            job = until(
                lambda: insist(lambda: batch.get_job("job")), lambda job: job.state == "completed", "its end"
            )
            assert job.execution_info.termination_reason == "enough"
            assert lines(log)[6:] == ["release", "release", "release done"]
            answer = command(data_dir, "job", "nodes", "job", "--json")
            assert answer.returncode == 0, answer.stderr
            (one,) = json.loads(answer.stdout)
            assert one["nodeId"] == node.id
            for task in ("jobPreparationTaskExecutionInfo", "jobReleaseTaskExecutionInfo"):
                assert (one[task]["state"], one[task]["result"]) == ("completed", "success")
            told = command(data_dir, "job", "nodes", "job").stdout.splitlines()
            assert told[1].split("\t")[:4] == [node.id, "pool", "success", "0"]
    finally:
        stop(house.service)
