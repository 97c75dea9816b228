"""Pools of jobs across kills: no job without its pool, and no pool without its job."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from tests.product.survival.house import until
from tests.product.survival.insisting import client_of, insist

from batchite.testing import RunningService, running_service

KILLS = 3
JOBS_BETWEEN = 16
KEPT = 5
"""Every so many jobs leave their pool behind."""
PATIENCE = 120.0
API = "api-version=2025-06-01"


@pytest.fixture
def service() -> Iterator[RunningService]:
    with running_service(only="batch") as running:
        yield running


def add_job(client: BatchClient, number: int) -> None:
    """Every third has a node; whatever a killed service had not answered may have been done or not."""
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    pool = m.BatchPoolSpecification(
        vm_size="standard_d2s_v3",
        virtual_machine_configuration=m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        ),
        target_dedicated_nodes=int(number % 3 == 0),
    )
    auto = m.BatchAutoPoolSpecification(
        auto_pool_id_prefix=f"job{number}-",
        pool_lifetime_option="job",
        keep_alive=number % KEPT == 0,
        pool=pool,
    )
    job = m.BatchJobCreateOptions(id=f"job{number}", pool_info=m.BatchPoolInfo(auto_pool_specification=auto))
    with suppress(ResourceExistsError):
        insist(lambda: client.create_job(job))


class Killer(threading.Thread):
    """Kills the Batch process in moments that nobody knows."""

    def __init__(self, service: RunningService) -> None:
        super().__init__(daemon=True)
        self._lock = service.data_dir / "batch.lock"
        self._random = random.Random(7)  # noqa: S311 - no secrets
        self.wanted = threading.Semaphore(0)

    def run(self) -> None:
        while self.wanted.acquire():
            time.sleep(self._random.uniform(0, 0.05))
            os.kill(int(self._lock.read_text()), signal.SIGKILL)


def end_job(client: BatchClient, number: int) -> None:
    """Even ones are terminated, odd ones deleted; one that ends already is refused."""
    if number % 2:
        request = HttpRequest("DELETE", f"/jobs/job{number}?{API}")
    else:
        request = HttpRequest("POST", f"/jobs/job{number}/terminate?{API}")
    with suppress(ResourceExistsError, ResourceNotFoundError):
        insist(lambda: client.send_request(request).raise_for_status())


@pytest.mark.endurance
def test_no_job_without_its_pool_and_no_pool_without_its_job(service: RunningService) -> None:
    client, killer, numbers = client_of(service), Killer(service), count()
    killer.start()
    for _ in range(KILLS):
        killer.wanted.release()
        for number in (next(numbers) for _ in range(JOBS_BETWEEN)):
            add_job(client, number)
    jobs = insist(lambda: list(client.list_jobs()))
    assert {job.id for job in jobs} == {f"job{number}" for number in range(KILLS * JOBS_BETWEEN)}
    assert {job.state for job in jobs} == {"active"}
    pools = {pool.id for pool in insist(lambda: list(client.list_pools()))}
    assert pools == {job.execution_info.pool_id for job in jobs}

    for number in range(KILLS * JOBS_BETWEEN):
        if number % (2 * JOBS_BETWEEN) == 0:
            killer.wanted.release()
        end_job(client, number)
    kept = {job.execution_info.pool_id for job in jobs if int(job.id[3:]) % KEPT == 0}
    until(lambda: _pools(client) == kept, "only the pools that are to stay are left", PATIENCE)
    states = [job.state for job in insist(lambda: list(client.list_jobs()))]
    assert set(states) == {"completed"}
    assert len(states) == KILLS * JOBS_BETWEEN // 2


def _pools(client: BatchClient) -> set[str]:
    return {pool.id for pool in insist(lambda: list(client.list_pools()))}
