"""Next step: more nodes. The same tasks on the pool as it is, and once more when it has twice as many."""

from __future__ import annotations

import argparse
import sys
import time

import accounts
import helpers
import same_pool
from azure.batch import BatchClient, models

TASKS = 8


def run(batch: BatchClient, seconds: float) -> None:
    """Does not count the time in which nodes start."""
    helpers.wait_for_nodes(batch, same_pool.POOL, [models.BatchNodeState.IDLE], same_pool.TIMEOUT)
    command = helpers.wrap_in_shell([f"sleep {seconds}"])
    tasks = [models.BatchTaskCreateOptions(id=f"t{n}", command_line=command) for n in range(TASKS)]
    with same_pool.job(batch, "spread") as job_id:
        start = time.monotonic()
        batch.create_tasks(job_id, tasks)
        helpers.wait_for_tasks(batch, job_id, same_pool.TIMEOUT)
        took = time.monotonic() - start
        used = {task.node_info.node_id for task in batch.list_tasks(job_id)}
    print(f"{TASKS} tasks of {seconds:g} s each took {took:.1f} s on {len(used)} nodes.")


def resize(batch: BatchClient, nodes: int) -> None:
    """Nodes that are to go first end the tasks that run there."""
    wanted = models.BatchPoolResizeOptions(
        target_dedicated_nodes=nodes,
        node_deallocation_option=models.BatchNodeDeallocationOption.TASK_COMPLETION,
    )
    batch.begin_resize_pool(same_pool.POOL, wanted, polling_interval=1).result()
    print(f"Resized pool [{same_pool.POOL}] to {nodes} nodes.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1, help="how long each task takes")
    seconds = parser.parse_args().seconds
    with accounts.batch_client(accounts.read()) as batch:
        same_pool.find_or_make(batch)
        run(batch, seconds)
        resize(batch, 2 * same_pool.NODES)
        try:
            run(batch, seconds)
        finally:
            resize(batch, same_pool.NODES)


if __name__ == "__main__":
    sys.exit(main())
