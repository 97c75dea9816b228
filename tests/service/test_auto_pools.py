"""Pools that jobs bring with them, with real nodes."""

from __future__ import annotations

from typing import Any

import pytest
from azure.batch import BatchClient, models
from tests.service.house import SMALL_QUOTA, House, fresh, is_gone, make_task, pool_options, sh, until

ENOUGH = {"terminateReason": "enough"}


def specification(nodes: int = 1, **given: Any) -> models.BatchPoolSpecification:
    pool = dict(pool_options("unused", nodes, **given))
    del pool["id"]
    return models.BatchPoolSpecification(pool)


def add_job(
    client: BatchClient, pool: models.BatchPoolSpecification, *, keep_alive: bool = False, **given: Any
) -> str:
    job_id = fresh("job")
    auto = models.BatchAutoPoolSpecification(
        auto_pool_id_prefix="own-", pool_lifetime_option="job", keep_alive=keep_alive, pool=pool
    )
    info = models.BatchPoolInfo(auto_pool_specification=auto)
    client.create_job(models.BatchJobCreateOptions(id=job_id, pool_info=info, **given))
    return job_id


def pool_of(client: BatchClient, job_id: str) -> str:
    pool_id: str = client.get_job(job_id).execution_info.pool_id
    return pool_id


def wait_until_gone(house: House, pool_id: str) -> None:
    until(lambda: is_gone(lambda: house.batch.get_pool(pool_id)), bool, f"the pool {pool_id} is gone")


def test_a_job_runs_on_its_own_pool_and_takes_it_along(house: House) -> None:
    pool = specification(start_task=models.BatchStartTask(command_line=sh("echo prepared > ../ready")))
    job_id = add_job(house.batch, pool)
    pool_id = pool_of(house.batch, job_id)
    command = sh("cat $AZ_BATCH_NODE_STARTUP_DIR/ready; echo $AZ_BATCH_POOL_ID")
    assert house.output(job_id, command).split() == ["prepared", pool_id]
    house.batch.update_job(job_id, models.BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))
    job = house.wait_for_job(job_id)
    assert job.execution_info.pool_id == pool_id
    wait_until_gone(house, pool_id)
    assert house.batch.get_job(job_id).execution_info.pool_id == pool_id


@pytest.mark.parametrize("end", ["terminate", "delete"])
def test_a_job_that_somebody_ends_takes_its_pool_along(house: House, end: str) -> None:
    job_id = add_job(house.batch, specification())
    pool_id = pool_of(house.batch, job_id)
    task_id = house.add_task(job_id, sh("sleep 1000"))
    house.wait_for_task(job_id, task_id, "running")
    if end == "terminate":
        house.batch.begin_terminate_job(job_id, ENOUGH, polling_interval=0.05).wait()
        assert house.batch.get_task(job_id, task_id).execution_info.failure_info.code == "TaskEnded"
    else:
        house.batch.begin_delete_job(job_id, polling_interval=0.05).wait()
    wait_until_gone(house, pool_id)


def test_a_pool_that_is_to_stay_serves_another_job(house: House) -> None:
    job_id = add_job(house.batch, specification(), keep_alive=True)
    pool_id = pool_of(house.batch, job_id)
    house.output(job_id, "true")
    house.batch.begin_delete_job(job_id, polling_interval=0.05).wait()
    assert house.output(house.add_job(pool_id), "echo again") == "again\n"
    house.delete_pool(pool_id)


def test_a_pool_that_somebody_deletes_leaves_its_job_waiting(house: House) -> None:
    job_id = add_job(house.batch, specification(0))
    house.delete_pool(pool_of(house.batch, job_id))
    house.batch.create_task(job_id, make_task("true"))
    job = house.batch.get_job(job_id)
    assert (job.state, job.execution_info.scheduling_error) == ("active", None)
    house.batch.begin_terminate_job(job_id, ENOUGH, polling_interval=0.05).wait()


def test_an_account_without_cores_gets_no_job_off_the_ground(house: House) -> None:
    taken = add_job(house.small, specification(SMALL_QUOTA // 2))
    until(lambda: list(house.small.list_nodes(pool_of(house.small, taken))), bool, "nodes")
    job = house.small.get_job(add_job(house.small, specification()))
    assert (job.state, job.execution_info.pool_id) == ("completed", None)
    error = job.execution_info.scheduling_error
    assert (error.category, error.code) == ("usererror", "AutoPoolCreationFailedWithQuotaReached")
    house.small.begin_delete_job(taken, polling_interval=0.05).wait()
    until(lambda: list(house.small.list_pools()), lambda pools: not pools, "no pool left")
    assert house.small.get_job(add_job(house.small, specification())).state == "active"
