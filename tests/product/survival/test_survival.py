"""Whatever is killed when: acknowledged work is done, recorded once, and nothing is left behind."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from tests.product.survival.house import House, end_all_of, processes_of, until
from tests.product.survival.load import POOL, Load, Sources, client_of, completed_tasks, insist
from tests.product.survival.toll import Toll
from tests.product.survival.trickle import Trickle, trickling

from batchite.testing import RunningService
from batchite.testing.service import start, stop

SEED = "BATCHITE_TEST_SEED"
NODES = 3
AT_LEAST = 200
TARGET = 280
KILLS = {
    "batch": 6,
    "services": 4,
    "services and an agent": 2,
    "agent": 5,
    "supervisor": 3,
}


def add_pool(service: RunningService, nodes: int) -> None:
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    pool = m.BatchPoolCreateOptions(
        id=POOL,
        vm_size="Standard_D64_v3",
        virtual_machine_configuration=m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        ),
        target_dedicated_nodes=nodes,
        task_slots_per_node=256,
        task_scheduling_policy=m.BatchTaskSchedulingPolicy(node_fill_type=m.BatchNodeFillType.SPREAD),
    )
    client_of(service).create_pool(pool)


def idle_or_busy(client: BatchClient) -> set[str]:
    nodes = insist(lambda: list(client.list_nodes(POOL)))
    return {node.id or "" for node in nodes if node.state in ("idle", "running")}


def upload(service: RunningService, content: bytes) -> str:
    """The address of a blob with this content, with leave to read it."""
    with BlobServiceClient.from_connection_string(service.storage_connection_string) as client:
        container = client.create_container("sources")
        container.upload_blob("staged.bin", content)
        sas = generate_blob_sas(
            service.storage_account,
            "sources",
            "staged.bin",
            account_key=service.storage_key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        return f"{container.get_blob_client('staged.bin').url}?{sas}"


def checksum(content: bytes) -> str:
    return subprocess.run(["cksum"], input=content, check=True, capture_output=True).stdout.decode().strip()


@pytest.fixture
def dice() -> random.Random:
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"{SEED}={seed} repeats the choices of this run")
    return random.Random(seed)  # noqa: S311 - no secrets


class Ordeal:
    """A busy service, and what is done to it."""

    def __init__(self, house: House, load: Load, trickle: Trickle, toll: Toll, dice: random.Random) -> None:
        self.house, self.load, self.trickle, self.toll, self.dice = house, load, trickle, toll, dice
        self.client = client_of(house.service)
        self.half_staged = 0
        """files that were half way when something was killed"""
        self.ended_meanwhile = 0
        """tasks that came to their end while the service was down"""

    def suffer(self, kind: str) -> None:
        began = time.monotonic()
        self.load.next_job()
        self._wait_for_the_moment()
        waited = time.monotonic() - began
        assert self.load.running >= AT_LEAST
        self.half_staged += len(self.trickle.half_way)
        match kind:
            case "batch":
                self.house.kill_batch()
            case "supervisor":
                self.house.kill_supervisor()
                self.house.start_again()
            case "agent":
                self._expect_replacement(self.house.kill_agent(self.dice))
            case _:
                self.house.kill_services(self.dice)
                dead = self.house.kill_agent(self.dice) if kind == "services and an agent" else None
                self._let_some_end()
                self.house.start_again()
                if dead is not None:
                    self._expect_replacement(dead)
        self.house.wait_until_healthy()
        took = time.monotonic() - began
        done, all_tasks = len(self.load.reported), len(self.load.expected)
        print(f"{kind}: killed after {waited:.1f} s of {took:.1f} s; {done} of {all_tasks} tasks reported")

    def _wait_for_the_moment(self) -> None:
        """Any moment will do, as long as enough is going on: so many reports later, and a little."""
        load = self.load
        load.wait(lambda: load.running >= AT_LEAST and bool(self.trickle.half_way), "enough tasks run")
        goal = len(load.reported) + self.dice.randrange(10)
        load.wait(lambda: load.running >= AT_LEAST and len(load.reported) >= goal, "tasks are completed")
        self.trickle.closing.wait(self.dice.uniform(0, 0.3))

    def _let_some_end(self) -> None:
        running = [task for task in self.load.expected if self.toll.is_between(task)]
        enough = self.dice.randrange(1, 8)
        until(lambda: self._count_ended(running) >= enough, "tasks end while the service is down")
        self.ended_meanwhile += self._count_ended(running)

    def _count_ended(self, tasks: list[str]) -> int:
        return sum(not self.toll.is_between(task) for task in tasks)

    def _expect_replacement(self, dead: str) -> None:
        """Once the node is gone for the API, nothing of it may run."""
        until(lambda: dead not in self._node_ids(), "the dead node is taken out")
        assert self.house.remains_of(dead) == []
        until(lambda: len(idle_or_busy(self.client)) == NODES, "the node is replaced")

    def _node_ids(self) -> set[str]:
        return {node.id or "" for node in insist(lambda: list(self.client.list_nodes(POOL)))}


@contextmanager
def ordeal(tmp_path: Path, dice: random.Random) -> Iterator[Ordeal]:
    with ExitStack() as stack:
        stack.callback(end_all_of, tmp_path)
        house = House(tmp_path / "data")
        stack.callback(lambda: stop(house.service))
        content = dice.randbytes(300_000)
        trickle = stack.enter_context(trickling(content, 0.1))
        sources = Sources((trickle.url, upload(house.service, content)), checksum(content))
        toll = Toll(tmp_path / "toll")
        stack.callback(toll.release)
        add_pool(house.service, NODES)
        load = Load(house.service, toll, sources, dice.getrandbits(32), TARGET)
        stack.callback(load.stop)
        load.start()
        yield Ordeal(house, load, trickle, toll, dice)


def test_acknowledged_work_survives_twenty_kills(tmp_path: Path, dice: random.Random) -> None:
    with ordeal(tmp_path, dice) as it:
        plan = [kind for kind, times in KILLS.items() for _ in range(times)]
        dice.shuffle(plan)
        for kind in plan:
            it.suffer(kind)
        it.load.no_more()
        it.toll.release()
        it.load.wait(lambda: it.load.all_reported, "every task is completed")
        assert it.half_staged > 0
        assert it.ended_meanwhile > 0
        check_records(it)
        check_runs(it)
        it.load.stop()
        stop(it.house.service)
        assert processes_of(tmp_path) == []


def check_records(it: Ordeal) -> None:
    """Every task is recorded as completed, once, with its own exit code; the counts say the same."""
    load = it.load
    wrong = {
        task: (load.reported[task], code)
        for task, code in load.expected.items()
        if load.reported[task].exit_code != code
    }
    assert wrong == {}
    jobs = sorted(set(load.job_of.values()))
    for job in jobs:
        listed = Counter(task.id for task in completed_tasks(it.client, job))
        codes = {task: load.expected[task] for task, of in load.job_of.items() if of == job}
        assert listed == Counter(codes.keys())
        counts = it.client.get_job_task_counts(job).task_counts
        good = sum(code == 0 for code in codes.values())
        assert (counts.active, counts.running, counts.completed) == (0, 0, len(codes))
        assert (counts.succeeded, counts.failed) == (good, len(codes) - good)


def check_runs(it: Ordeal) -> None:
    """Every task ran; it ran again only where its node had died, and never after it was reported."""
    for task in it.load.expected:
        runs = it.toll.runs(task)
        assert runs, f"{task} never ran"
        *earlier, last = runs
        assert all(run.alone for run in runs), f"{task} ran twice at a time: {runs}"
        assert {run.node for run in earlier} <= it.house.killed_nodes, f"{task} ran again: {runs}"
        assert len({run.node for run in runs}) == len(runs), f"{task} ran twice on one node: {runs}"
        assert last.code == it.load.expected[task]
        assert last.node == it.load.reported[task].node, f"{task} ran again after its completion: {runs}"
        assert it.load.reported[task].retries == 0


def test_a_clean_stop_in_the_middle_of_work_leaves_nothing(tmp_path: Path, dice: random.Random) -> None:
    """And the next start goes on where this one stopped."""
    toll = Toll(tmp_path / "toll")
    service = start(tmp_path / "data")
    try:
        add_pool(service, 2)
        client = client_of(service)
        client.create_job(m.BatchJobCreateOptions(id="job", pool_info=m.BatchPoolInfo(pool_id=POOL)))
        names = [f"task-{number}" for number in range(40)]
        tasks = [
            m.BatchTaskCreateOptions(
                id=name, command_line=toll.command(name, 600, 5, left_behind=True, checksum="")
            )
            for name in names
        ]
        client.create_task_collection("job", m.BatchTaskGroup(task_values=tasks))
        until(lambda: all(toll.runs(name) for name in names), "every task runs")
        nodes = idle_or_busy(client)
    finally:
        stop(service)
    assert processes_of(tmp_path) == []
    assert all(run.code is None for name in names for run in toll.runs(name))
    toll.release()
    first = {name: toll.runs(name) for name in names}
    service = start(tmp_path / "data")
    try:
        until(lambda: len(completed_tasks(client, "job")) == len(names), "every task is completed")
        assert idle_or_busy(client) == nodes
        for task in completed_tasks(client, "job"):
            assert task.execution_info is not None
            info = task.execution_info
            assert (info.exit_code, info.retry_count, info.requeue_count) == (5, 0, 0)
        for name in names:
            assert all(run.alone for run in toll.runs(name))
            assert len(toll.runs(name)) <= len(first[name]) + 1
    finally:
        stop(service)
    assert processes_of(tmp_path) == []
