"""A service at work, with less and less of what it needs, and then with enough again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from tests.fuzz.request import Request
from tests.product.starving.worker import (
    JOB,
    PATIENCE,
    SOON,
    Worker,
    accepted,
    of_batch,
    of_blob,
)

from batchite.testing import RunningService

WORKERS = 6
AT_FIRST, MEANWHILE = 2, 12
"""Turns of each worker."""
NODES_ONLY = {"threads"}
"""Requests may find enough of them, since those that were started stay."""
UNHEARD = 5
"""Requests without an answer after which a worker stops asking."""
SERVED = {200, 201}
SAID = {503, 507, None}
"""What may be answered when something is short: that, or nothing at all."""
IMAGE = {"publisher": "canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts"}
MACHINE = {"imageReference": IMAGE, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}

Shortage = AbstractContextManager[object]


async def starve(service: RunningService, shortages: Sequence[tuple[str, Callable[[], Shortage]]]) -> None:
    """One after the other. Each has to be felt, and to be over when it is over."""
    owner, *workers = [Worker(service, f"w{number}") for number in range(1 + WORKERS)]
    await make(owner)
    await gather(workers, AT_FIRST)
    assert outcomes((owner, *workers)).keys() <= SERVED
    for name, shortage in shortages:
        for worker in (owner, *workers):
            worker.patience = SOON
        with shortage():
            await asyncio.gather(gather(workers, MEANWHILE), owner.ask(pool(name)))
        told = outcomes((owner, *workers))
        print(f"{name}: {dict(told)}")
        assert told.keys() <= SERVED | SAID, name
        assert told.keys() & SAID or name in NODES_ONLY, f"{name} was not short"
        for worker in (owner, *workers):
            worker.patience = PATIENCE
        for worker in workers:
            await until(partial(goes_on, worker), f"after {name} it works again")
        await until(partial(has_node, owner, name), f"a pool has its node that was added without {name}")
        for worker in (owner, *workers):
            worker.outcomes.clear()
    for worker in workers:
        await check(worker)
    for worker in (owner, *workers):
        await worker.close()


async def check(worker: Worker) -> None:
    """Nothing of what was promised is lost."""
    for name, content in worker.blobs.items():
        read = await worker.ask(of_blob("GET", name))
        assert read is not None
        assert (read.status, read.body == content) == (200, True), name
    for task in worker.tasks:
        await until(partial(is_completed, worker, task), f"{task} is completed")


async def make(worker: Worker) -> None:
    for request in (
        pool("pool", slots=8),
        of_batch("POST", "/jobs", {"id": JOB, "poolInfo": {"poolId": "pool"}}),
        of_blob("PUT", "", ("restype", "container")),
    ):
        assert accepted(await worker.ask(request), 201)


def pool(name: str, slots: int = 1) -> Request:
    options = {"id": name, "vmSize": "standard_d2_v3", "virtualMachineConfiguration": MACHINE}
    return of_batch("POST", "/pools", {**options, "targetDedicatedNodes": 1, "taskSlotsPerNode": slots})


async def gather(workers: Sequence[Worker], times: int) -> None:
    async def work(worker: Worker) -> None:
        for _ in range(times):
            if worker.outcomes[None] < UNHEARD:
                await worker.work()

    await asyncio.gather(*(work(worker) for worker in workers))


async def goes_on(worker: Worker) -> bool:
    before = len(worker.blobs) + len(worker.tasks)
    await worker.work()
    return len(worker.blobs) + len(worker.tasks) == before + 2


async def has_node(worker: Worker, name: str) -> bool:
    """Whoever was refused asks again."""
    await worker.ask(pool(name))
    answer = await worker.ask(of_batch("GET", f"/pools/{name}/nodes"))
    return answer is not None and b'"state":"idle"' in answer.body


async def is_completed(worker: Worker, task: str) -> bool:
    answer = await worker.ask(of_batch("GET", f"/jobs/{JOB}/tasks/{task}"))
    return answer is not None and b'"state":"completed"' in answer.body


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < deadline, f"not in {PATIENCE} s: {what}"
        await asyncio.sleep(0.05)


def outcomes(workers: Sequence[Worker]) -> Counter[int | None]:
    return sum((worker.outcomes for worker in workers), Counter())
