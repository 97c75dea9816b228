"""Data directories of the past, kept as text: both databases as SQL, the contents of blobs as they are.

`python -m tests.product.past.directory NAME` runs the services of today, works a little with them, and keeps
what they leave. That is done when revisions have been released, so that later ones are tried on it.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobBlock, BlobClient, BlobServiceClient
from tests.product.survival.house import until

from batchite.store import revisions
from batchite.testing import RunningService, running_service

HERE = Path(__file__).parent
POOL, JOB = "pool", "job"
CODES = {"good": 0, "bad": 3}
"""exit codes by task"""
LARGE = b"sixteen letters\n" * 2000
"""too much to lie in the database"""
BLOBS = {"small": b"small", "large": LARGE, "blocks": LARGE + b"small"}


def restore(name: str, data_dir: Path) -> None:
    """Make `data_dir` what it was then."""
    shutil.copytree(HERE / name / "blobs", data_dir / "blobs")
    for text in (HERE / name).glob("*.sql"):
        with closing(sqlite3.connect(data_dir / f"{text.stem}.db")) as connection:
            connection.executescript(text.read_text())


def keep(data_dir: Path, name: str) -> None:
    (HERE / name).mkdir()
    shutil.copytree(data_dir / "blobs", HERE / name / "blobs")
    for database in revisions.NAMES:
        with closing(sqlite3.connect(revisions.file(data_dir, database))) as connection:
            (HERE / name / f"{database}.sql").write_text("\n".join(connection.iterdump()) + "\n")


def batch_client(service: RunningService) -> BatchClient:
    return BatchClient(service.batch_url, AzureNamedKeyCredential(service.batch_account, service.batch_key))


def run_tasks(client: BatchClient, codes: dict[str, int]) -> None:
    """Add a task for each, and wait until all have run."""
    for task, code in codes.items():
        client.create_task(JOB, m.BatchTaskCreateOptions(id=task, command_line=f"/bin/sh -c 'exit {code}'"))
    until(lambda: codes.keys() <= results(client).keys(), "the tasks are completed")


def results(client: BatchClient) -> dict[str, int | None]:
    """Exit codes of completed tasks."""
    tasks = client.list_tasks(JOB, filter="state eq 'completed'")
    return {task.id or "": task.execution_info.exit_code if task.execution_info else None for task in tasks}


def course(client: BatchClient, task: str) -> list[str]:
    """The steps of which something is told."""
    answer = client.send_request(HttpRequest("GET", f"/-/explain/jobs/{JOB}/tasks/{task}"))
    answer.raise_for_status()
    return [step["step"] for step in answer.json()["course"]]


def blob(service: RunningService, name: str) -> BlobClient:
    return BlobServiceClient.from_connection_string(service.storage_connection_string).get_blob_client(
        "container", name
    )


def work(service: RunningService) -> None:
    client = batch_client(service)
    image = m.BatchVmImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
    machine = m.VirtualMachineConfiguration(
        image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04"
    )
    client.create_pool(
        m.BatchPoolCreateOptions(
            id=POOL, vm_size="standard_d2_v3", virtual_machine_configuration=machine, target_dedicated_nodes=1
        )
    )
    client.create_job(m.BatchJobCreateOptions(id=JOB, pool_info=m.BatchPoolInfo(pool_id=POOL)))
    run_tasks(client, CODES)
    BlobServiceClient.from_connection_string(service.storage_connection_string).create_container("container")
    for name in ("small", "large"):
        blob(service, name).upload_blob(BLOBS[name], metadata={"Kept": name}, tags={"name": name})
    blob(service, "small").create_snapshot()
    blocks = blob(service, "blocks")
    for block, content in (("b1", LARGE), ("b2", b"small")):
        blocks.stage_block(block, content)
    blocks.commit_block_list([BlobBlock("b1"), BlobBlock("b2")])


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        data_dir = Path(temporary, "data")
        with running_service(data_dir) as service:
            work(service)
        keep(data_dir, name)


if __name__ == "__main__":
    main(sys.argv[1])
