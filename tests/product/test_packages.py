"""Application packages by the commands, through the death of the service and of a node's agent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.exceptions import ResourceExistsError
from tests.product.survival.house import until
from tests.product.survival.insisting import client_of, insist

from batchite.testing import RunningService, running_service

POOL, JOB = "pool", "job"
Reference = m.BatchApplicationPackageReference


@pytest.fixture
def service() -> Iterator[RunningService]:
    with running_service(only="batch") as running:
        yield running


def command(service: RunningService, *words: str) -> str:
    line = [sys.executable, "-m", "batchite", *words, "--data-dir", str(service.data_dir)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def add(service: RunningService, directory: Path, name: str) -> None:
    file = directory / f"{name}.zip"
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("bin/tool")
        info.external_attr = 0o755 << 16
        archive.writestr(info, f"#!/bin/sh\necho {name} runs\n")
    command(service, "application", "add", name, "1", str(file), "--default")


def run(client: BatchClient, number: int) -> str:
    """What a task prints that uses both packages."""
    line = "/bin/sh -c '$AZ_BATCH_APP_PACKAGE_ofpool/bin/tool; $AZ_BATCH_APP_PACKAGE_oftask_1/bin/tool'"
    references = [Reference(application_id="oftask", version="1")]
    task = m.BatchTaskCreateOptions(
        id=f"t{number}", command_line=line, application_package_references=references
    )
    with suppress(ResourceExistsError):  # the answer to the first may have been lost
        insist(lambda: client.create_task(JOB, task))
    until(lambda: insist(lambda: client.get_task(JOB, task.id)).state == "completed", "a task's end")
    found = insist(lambda: client.get_task(JOB, task.id))
    assert found.execution_info.result == "success", found.execution_info.failure_info
    return insist(lambda: b"".join(client.download_task_file(JOB, task.id, "stdout.txt"))).decode()


@pytest.mark.endurance
def test_they_are_used_by_commands_and_outlive_every_process(service: RunningService, tmp_path: Path) -> None:
    for name in ("ofpool", "oftask"):
        add(service, tmp_path, name)
    machine = m.VirtualMachineConfiguration(
        image_reference=m.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        ),
        node_agent_sku_id="batch.node.ubuntu 22.04",
    )
    client = client_of(service)
    client.create_pool(
        m.BatchPoolCreateOptions(
            id=POOL,
            vm_size="standard_a1_v2",
            virtual_machine_configuration=machine,
            target_dedicated_nodes=1,
            application_package_references=[Reference(application_id="ofpool")],
        )
    )
    client.create_job(m.BatchJobCreateOptions(id=JOB, pool_info=m.BatchPoolInfo(pool_id=POOL)))
    assert run(client, 1) == "ofpool runs\noftask runs\n"
    shown = json.loads(command(service, "pool", "show", POOL, "--json"))
    assert shown["applicationPackageReferences"] == [{"applicationId": "ofpool"}]
    shown = json.loads(command(service, "task", "show", "t1", "--json"))
    assert shown["applicationPackageReferences"] == [{"applicationId": "oftask", "version": "1"}]

    os.kill(int((service.data_dir / "batch.lock").read_text()), signal.SIGKILL)
    assert run(client, 2) == "ofpool runs\noftask runs\n"
    contents = list((service.data_dir / "packages").iterdir())
    assert len(contents) == 2
    (places,) = service.data_dir.glob("nodes/**/root/applications")
    made = {path: path.stat().st_ino for path in places.iterdir()}
    assert len(made) == 2
    for path in contents:  # what is there already is not fetched again
        path.unlink()
    assert run(client, 3) == "ofpool runs\noftask runs\n"
    assert {path: path.stat().st_ino for path in places.iterdir()} == made
