"""Next step: use a pool that is there already. The first run makes it, every later one starts at once.

The other next steps use the same pool. `--delete` deletes it.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import accounts
import helpers
from azure.batch import BatchClient, models
from azure.core.exceptions import ResourceNotFoundError

POOL = "NextSteps"
NODES = 2
TIMEOUT = datetime.timedelta(minutes=20)


def find_or_make(batch: BatchClient) -> bool:
    """Whether the pool was there already."""
    try:
        batch.get_pool(POOL, select=["id"])
        return True
    except ResourceNotFoundError:
        agent_sku, image = helpers.select_image(
            batch, "canonical", "0001-com-ubuntu-server-jammy", "22_04-lts"
        )
        machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id=agent_sku)
        batch.create_pool(
            models.BatchPoolCreateOptions(
                id=POOL,
                vm_size="Standard_A1_v2",
                target_dedicated_nodes=NODES,
                virtual_machine_configuration=machine,
            )
        )
        return False


def delete_pool(batch: BatchClient) -> None:
    try:
        batch.begin_delete_pool(POOL)
        print(f"Deleted pool [{POOL}].")
    except ResourceNotFoundError:
        print(f"There is no pool [{POOL}].")


@contextmanager
def job(batch: BatchClient, name: str) -> Iterator[str]:
    """The id of a new job in the pool, which is deleted in the end."""
    job_id = f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    batch.create_job(models.BatchJobCreateOptions(id=job_id, pool_info=models.BatchPoolInfo(pool_id=POOL)))
    try:
        yield job_id
    finally:
        batch.begin_delete_job(job_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delete", action="store_true", help="delete the pool")
    delete = parser.parse_args().delete
    with accounts.batch_client(accounts.read()) as batch:
        if delete:
            delete_pool(batch)
            return
        start = time.monotonic()
        if find_or_make(batch):
            print(f"Pool [{POOL}] was there already.")
        else:
            print(f"Made pool [{POOL}] of {NODES} nodes.")
        with job(batch, "hello") as job_id:
            command = helpers.wrap_in_shell(["echo Hello from $AZ_BATCH_POOL_ID"])
            batch.create_task(job_id, models.BatchTaskCreateOptions(id="hello", command_line=command))
            helpers.wait_for_tasks(batch, job_id, TIMEOUT)
            print(helpers.read_task_file(batch, job_id, "hello", "stdout.txt"), end="")
            print(f"That took {time.monotonic() - start:.1f} s.")


if __name__ == "__main__":
    sys.exit(main())
