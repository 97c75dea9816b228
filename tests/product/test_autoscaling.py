"""Pools under formulas across kills: no turn is taken twice, and what the last one asked for is there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.rest import HttpRequest
from tests.product.survival.house import until
from tests.product.survival.insisting import client_of, insist

from batchite.testing import RunningService, running_service
from batchite.wire.ticks import Timestamp

QUICK = "[fidelity]\nautoscale_sample = 0.2\nautoscale_interval = 0.4\nautoscale_pause = 0\n"
INTERVAL_TICKS = 4_000_000
ALTERNATES = "n = time().second; $TargetDedicatedNodes = n - 2 * floor(n / 2);"
POOLS = ("a", "b", "c")
KILLS = 4
PATIENCE = 120.0


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    config = tmp_path_factory.mktemp("config") / "batchite.toml"
    config.write_text(QUICK)
    with running_service(only="batch", config=config) as running:
        yield running


def add(client: BatchClient, pool_id: str) -> None:
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    machine = m.VirtualMachineConfiguration(
        image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
    )
    client.create_pool(
        m.BatchPoolCreateOptions(
            id=pool_id,
            vm_size="standard_a1_v2",
            virtual_machine_configuration=machine,
            enable_auto_scale=True,
            auto_scale_formula=ALTERNATES,
            auto_scale_evaluation_interval="PT0.4S",
        )
    )


def log(client: BatchClient, pool_id: str) -> list[dict[str, Any]]:
    """The oldest first."""

    def ask() -> Any:
        answer = client.send_request(HttpRequest("GET", f"/-/pools/{pool_id}/autoscale"))
        answer.raise_for_status()
        return answer.json()["evaluations"]

    return list(reversed(insist(ask)))


def each_went_on(client: BatchClient, before: Mapping[str, int]) -> bool:
    return all(len(log(client, pool_id)) > turns for pool_id, turns in before.items())


def kill(service: RunningService) -> None:
    os.kill(int((service.data_dir / "batch.lock").read_text()), signal.SIGKILL)


@pytest.mark.endurance
def test_no_turn_is_taken_twice_and_the_last_one_holds(service: RunningService) -> None:
    client, dice = client_of(service), random.Random(11)  # noqa: S311 - no secrets
    for pool_id in POOLS:
        add(client, pool_id)
    for _ in range(KILLS):
        before = {pool_id: len(log(client, pool_id)) for pool_id in POOLS}
        until(partial(each_went_on, client, before), "each has taken a turn", PATIENCE)
        time.sleep(dice.uniform(0, 0.1))  # the moment of the kill, which is any
        kill(service)
    for pool_id in POOLS:
        insist(lambda name=pool_id: client.disable_pool_auto_scale(name))
    for pool_id in POOLS:
        check(client, pool_id)


def check(client: BatchClient, pool_id: str) -> None:
    created = insist(lambda: client.get_pool(pool_id)).creation_time
    assert created is not None
    turns = log(client, pool_id)
    assert len(turns) >= KILLS
    begun = Timestamp.from_datetime(created).ticks
    periods = [(Timestamp.parse(turn["time"]).ticks - begun) // INTERVAL_TICKS for turn in turns]
    assert len(set(periods)) == len(periods)
    asked = [turn["results"] for turn in turns if turn["what"] == "resized"]
    target = int(asked[-1].split(";")[0].split("=")[1]) if asked else 0

    def holds() -> bool:
        pool = insist(lambda: client.get_pool(pool_id))
        assert pool.target_dedicated_nodes == target
        return pool.allocation_state == "steady" and pool.current_dedicated_nodes == target

    until(holds, f"pool {pool_id} has {target} nodes", PATIENCE)
