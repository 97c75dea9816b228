"""A busy service, and what is done to it."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from azure.batch import models as m
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from tests.product.survival.house import House, end_all_of, until
from tests.product.survival.insisting import client_of, insist, insist_late
from tests.product.survival.load import Load, Sources
from tests.product.survival.pools import POOL, add_pool, idle_or_busy, node_ids
from tests.product.survival.results import Results
from tests.product.survival.schedule import add_schedule
from tests.product.survival.strands import boots, scaling
from tests.product.survival.strands.boots import Boots
from tests.product.survival.strands.certificates import Certificates
from tests.product.survival.strands.displacement import Displacement
from tests.product.survival.strands.forcing import Forcing
from tests.product.survival.strands.keeping import Keeping
from tests.product.survival.strands.managers import Managers
from tests.product.survival.strands.mending import Mending
from tests.product.survival.strands.moves import Moves
from tests.product.survival.strands.packages import Packages
from tests.product.survival.strands.scaling import Scaling
from tests.product.survival.strands.strand import Strand
from tests.product.survival.strands.verdicts import Verdicts
from tests.product.survival.toll import Toll, checksum
from tests.product.survival.trickle import Trickle, trickling
from tests.product.survival.wishes import LATE

from batchite.testing import RunningService
from batchite.testing.service import stop

STRANDS: Final[Sequence[type[Strand]]] = (
    Boots,
    Certificates,
    Displacement,
    Forcing,
    Keeping,
    Managers,
    Mending,
    Moves,
    Packages,
    Scaling,
    Verdicts,
)
"""What goes on beside the load."""
CONFIG: Final = f"[fidelity]\n{boots.FIDELITY}{scaling.FIDELITY}"
NODES = 3
AT_LEAST = 40
LATE_SECONDS = 30.0
TARGET = 64
ROUNDS: Final[Mapping[str, int]] = {
    "Batch killed": 2,
    "services killed": 2,
    "services and an agent killed": 1,
    "agent killed": 2,
    "agent of another pool killed": 2,
    "supervisor killed": 1,
    "Batch told to go": 1,
    "Batch paused": 1,
    "agent paused": 2,
    "SIGINT": 1,
    "SIGTERM": 2,
    "SIGINT while Batch is down": 1,
    "SIGINT at once": 1,
    "a node leaves, Batch killed": 1,
    "a node leaves in peace, Batch killed": 1,
    "a job is disabled, Batch killed": 1,
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
    """One after the other; terminations and deletions go on all the time, and so do the strands."""

    def __init__(
        self,
        house: House,
        load: Load,
        strands: Sequence[Strand],
        trickle: Trickle,
        toll: Toll,
        dice: random.Random,
    ) -> None:
        self.house, self.load, self.trickle, self.toll, self.dice = house, load, trickle, toll, dice
        self.strands = strands
        self.client = client_of(house.service)
        self.half_staged = 0
        """files that were half way when something happened"""
        self.ended_meanwhile = 0
        """tasks that came to their end while the service was down"""
        self.sent_home: set[tuple[str, int, int]] = set()
        """runs that may be followed by another one on the same node: task, process and its start"""
        self.stops = 0
        """of all nodes, which boot again under their ids"""

    def suffer(self, kind: str) -> None:
        began = time.monotonic()
        self.load.next_job()
        self._wait_for_the_moment()
        waited = time.monotonic() - began
        self.half_staged += len(self.trickle.half_way)
        self._do(kind)
        self.house.wait_until_healthy()
        for strand in self.strands:
            strand.raise_failure()
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
                self._expect_replacement(self.house.kill_agent(self.dice, idle_or_busy(self.client)))
            case "agent of another pool killed":
                self.house.kill_agent(self.dice, self.house.agents().keys() - node_ids(self.client))
            case "agent silenced":
                self._expect_replacement(self.house.silence_agent(self.dice, idle_or_busy(self.client)))
            case "services killed" | "services and an agent killed":
                victims = idle_or_busy(self.client)
                self.house.kill_services(self.dice)
                dead = self.house.kill_agent(self.dice, victims) if "agent" in kind else None
                self._let_some_end()
                self.house.start_again()
                if dead is not None:
                    self._expect_replacement(dead)
            case "Batch paused" | "agent paused":
                with self.house.paused("batch" if "Batch" in kind else "agent", self.dice):
                    self._linger(3)
            case "a node leaves, Batch killed":
                self._shrink("requeue")
            case "a node leaves in peace, Batch killed":
                self._shrink("taskcompletion")
            case "a job is disabled, Batch killed":
                self._disable(self.dice.choice(("requeue", "requeue", "wait")))
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
        self.stops += 1
        self.house.start_again()

    def end(self) -> None:
        """Nothing new; it returns when all has come to its end."""
        self.load.no_more()
        for strand in self.strands:
            strand.no_more()
        self.toll.release()
        self.load.wait(lambda: not self.load.open_tasks, "every task is completed")
        for strand in self.strands:
            strand.see_out()

    def _wait_for_the_moment(self) -> None:
        """Any moment will do, as long as enough is going on: so many reports later, and a little. Where tasks
        begin more slowly than they end, as on a busy machine, those that there are will do after a while."""
        load, late = self.load, time.monotonic() + LATE_SECONDS

        def is_busy() -> bool:
            return load.running >= (AT_LEAST if time.monotonic() < late else 1)

        load.wait(lambda: is_busy() and bool(self.trickle.half_way), "enough tasks run")
        goal = len(load.reported) + self.dice.randrange(6)
        load.wait(lambda: is_busy() and len(load.reported) >= goal, "tasks are completed")
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
        until(lambda: dead not in node_ids(self.client), "the dead node is taken out", SILENCE_SECONDS)
        assert self.house.remains_of(dead) == []
        until(lambda: len(idle_or_busy(self.client)) == NODES, "the node is replaced")

    def _shrink(self, option: str) -> None:
        """And grow again. What runs on a node that leaves in peace is run there to its end, and not again."""
        before = node_ids(self.client)
        self._resize(NODES - 1, option)
        self._linger(0.5)
        self.house.kill_batch()
        until(lambda: self._is_steady(NODES - 1), "one node has left", SILENCE_SECONDS)
        (gone,) = before - node_ids(self.client)
        if option == "requeue":
            self.house.killed_nodes.add(gone)
        assert self.house.remains_of(gone) == []
        self._resize(NODES, option)
        until(lambda: len(idle_or_busy(self.client)) == NODES, "the pool has grown again")

    def _disable(self, option: str) -> None:
        """And enable again; Batch is killed after each. What is waited for may take longer than anybody would
        wait: that is ended after all."""
        job = self.load.jobs[-1]
        for each in dict.fromkeys((option, "requeue")):
            wanted = m.BatchJobDisableOptions(disable_tasks=each)
            disable = partial(self.client._disable_job_internal, job, wanted)
            insist_late(disable, LATE)
            self._linger(0.5)
            self.house.kill_batch()
        until(lambda: self._state_of(job) != "disabling", f"{job} is disabled")
        if self._state_of(job) != "disabled":
            return  # by now it was somebody's wish to end it
        for task in self.load.open_tasks:
            if self.load.job_of[task] == job:
                self.sent_home |= {(task, run.pid, run.boot) for run in self.toll.runs(task)}
        enable = partial(self.client._enable_job_internal, job)
        insist_late(enable, {*LATE, "OperationInvalidForCurrentState"})
        self.house.kill_batch()
        until(lambda: self._state_of(job) != "enabling", f"{job} is enabled")

    def _state_of(self, job: str) -> str:
        try:
            return insist(lambda: self.client.get_job(job)).state or ""
        except ResourceNotFoundError:
            return "deleted"

    def _resize(self, nodes: int, option: str) -> None:
        wanted = m.BatchPoolResizeOptions(target_dedicated_nodes=nodes, node_deallocation_option=option)
        insist(lambda: self.client._resize_pool_internal(POOL, wanted))

    def _is_steady(self, nodes: int) -> bool:
        pool = insist(lambda: self.client.get_pool(POOL))
        return (pool.allocation_state, pool.current_dedicated_nodes) == ("steady", nodes)


@contextmanager
def ordeal(tmp_path: Path, dice: random.Random) -> Iterator[Ordeal]:
    with ExitStack() as stack:
        stack.callback(end_all_of, tmp_path)
        config = tmp_path / "batchite.toml"
        config.write_text(CONFIG)
        house = House(tmp_path / "data", config, tmp_path / "log")
        stack.callback(lambda: stop(house.service))
        content = dice.randbytes(300_000)
        trickle = stack.enter_context(trickling(content, 0.1))
        sources = Sources((trickle.url, upload(house.service, content)), checksum(content))
        toll = Toll(tmp_path / "toll")
        stack.callback(toll.release)
        client = client_of(house.service)
        add_pool(client, POOL, 256, target_dedicated_nodes=NODES)
        add_schedule(client, POOL)
        results = Results(house.service)
        load = Load(house.service, toll, sources, results, dice.getrandbits(32), TARGET)
        stack.callback(load.stop)
        load.start()
        strands = [strand(house, toll, dice.getrandbits(32)) for strand in STRANDS]
        for strand in strands:
            strand.begin()
            stack.callback(strand.stop)
            strand.start()
        yield Ordeal(house, load, strands, trickle, toll, dice)


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
