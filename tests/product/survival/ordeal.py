"""A busy service, and what is done to it."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from azure.batch import BatchClient
from azure.batch import models as m
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from tests.product.survival.house import House, end_all_of, until
from tests.product.survival.insisting import client_of, insist
from tests.product.survival.load import POOL, Load, Sources
from tests.product.survival.toll import Toll
from tests.product.survival.trickle import Trickle, trickling

from batchite.testing import RunningService
from batchite.testing.service import stop

NODES = 3
AT_LEAST = 40
TARGET = 64
ROUNDS: Final[Mapping[str, int]] = {
    "Batch killed": 2,
    "services killed": 2,
    "services and an agent killed": 1,
    "agent killed": 2,
    "supervisor killed": 1,
    "Batch told to go": 1,
    "Batch paused": 2,
    "agent paused": 2,
    "SIGINT": 2,
    "SIGTERM": 2,
    "SIGINT while Batch is down": 2,
    "SIGINT at once": 1,
}
"""How often each happens in a short run."""
SLOW: Final[Mapping[str, int]] = {"agent silenced": 1}
"""What takes most of a minute: in long runs only."""
SILENCE_SECONDS = 180.0
"""How long it may take until a node that says nothing has been replaced."""


def plan(dice: random.Random, rounds: int) -> list[str]:
    kinds = ROUNDS if rounds <= sum(ROUNDS.values()) else {**ROUNDS, **SLOW}
    all_kinds = [kind for kind, times in kinds.items() for _ in range(times)]
    chosen = [kind for _ in range(0, rounds, len(all_kinds)) for kind in all_kinds][:rounds]
    dice.shuffle(chosen)
    return chosen


class Ordeal:
    """One after the other; terminations and deletions go on all the time."""

    def __init__(self, house: House, load: Load, trickle: Trickle, toll: Toll, dice: random.Random) -> None:
        self.house, self.load, self.trickle, self.toll, self.dice = house, load, trickle, toll, dice
        self.client = client_of(house.service)
        self.half_staged = 0
        """files that were half way when something happened"""
        self.ended_meanwhile = 0
        """tasks that came to their end while the service was down"""
        self.sent_home: set[tuple[str, int, int]] = set()
        """runs that may be followed by another one on the same node: task, process and its start"""

    def suffer(self, kind: str) -> None:
        began = time.monotonic()
        self.load.next_job()
        self._wait_for_the_moment()
        waited = time.monotonic() - began
        self.half_staged += len(self.trickle.half_way)
        self._do(kind)
        self.house.wait_until_healthy()
        took, load = time.monotonic() - began, self.load
        told = f"{len(load.reported)} of {len(load.expected)} tasks reported, {len(load.wishes.tasks)} wishes"
        print(f"{kind}: after {waited:.1f} s of {took:.1f} s; {told}", flush=True)

    def _do(self, kind: str) -> None:
        match kind:
            case "Batch killed":
                self.house.kill_batch()
            case "Batch told to go":
                self.house.tell_batch_to_go()
            case "supervisor killed":
                self.house.kill_supervisor()
                self.house.start_again()
            case "agent killed":
                self._expect_replacement(self.house.kill_agent(self.dice))
            case "agent silenced":
                self._expect_replacement(self.house.silence_agent(self.dice))
            case "services killed" | "services and an agent killed":
                self.house.kill_services(self.dice)
                dead = self.house.kill_agent(self.dice) if "agent" in kind else None
                self._let_some_end()
                self.house.start_again()
                if dead is not None:
                    self._expect_replacement(dead)
            case "Batch paused" | "agent paused":
                with self.house.paused("batch" if "Batch" in kind else "agent", self.dice):
                    self._linger(3)
            case "SIGINT at once":
                self._stop(signal.SIGINT)
                self._stop(signal.SIGINT)
            case _:
                number = signal.Signals[kind.partition(" ")[0]]
                self._stop(number, batch_is_down="down" in kind)

    def _stop(self, number: signal.Signals, *, batch_is_down: bool = False) -> None:
        (self.house.stop_without_batch if batch_is_down else self.house.stop)(number)
        for task in self.load.open_tasks:
            self.sent_home |= {(task, run.pid, run.boot) for run in self.toll.runs(task)}
        self.house.start_again()

    def _wait_for_the_moment(self) -> None:
        """Any moment will do, as long as enough is going on: so many reports later, and a little."""
        load = self.load
        load.wait(lambda: load.running >= AT_LEAST and bool(self.trickle.half_way), "enough tasks run")
        goal = len(load.reported) + self.dice.randrange(6)
        load.wait(lambda: load.running >= AT_LEAST and len(load.reported) >= goal, "tasks are completed")
        self._linger(0.3)

    def _linger(self, seconds: float) -> None:
        self.trickle.closing.wait(self.dice.uniform(0, seconds))

    def _let_some_end(self) -> None:
        running = [task for task in self.load.open_tasks if self.toll.is_between(task)]
        enough = self.dice.randrange(1, 8)
        until(lambda: self._count_ended(running) >= enough, "tasks end while the service is down")
        self.ended_meanwhile += self._count_ended(running)

    def _count_ended(self, tasks: list[str]) -> int:
        return sum(not self.toll.is_between(task) for task in tasks)

    def _expect_replacement(self, dead: str) -> None:
        """Once the node is gone for the API, nothing of it may run."""
        until(lambda: dead not in self._node_ids(), "the dead node is taken out", SILENCE_SECONDS)
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
            expiry=datetime.now(UTC) + timedelta(days=1),
        )
        return f"{container.get_blob_client('staged.bin').url}?{sas}"


def checksum(content: bytes) -> str:
    return subprocess.run(["cksum"], input=content, check=True, capture_output=True).stdout.decode().strip()
