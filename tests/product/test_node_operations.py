"""Nodes that are told to boot again while service and agents are killed: they do, under their ids."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.batch.models import _models
from azure.core.exceptions import HttpResponseError
from tests.product.survival.house import House, end_all_of
from tests.product.survival.insisting import client_of, insist
from tests.service.house import make_task, pool_options, sh, until

from batchite.testing.service import stop

DEADLINE = 90.0
POOL, JOB = "pool", "job"
DICE = random.Random(7)  # noqa: S311 - what is killed first, and when
MOMENTS = 5
"""at which the service is killed while a node boots again"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "data")
    try:
        yield house
    finally:
        stop(house.service)
        end_all_of(house.data_dir)


def kill_batch(house: House) -> None:
    house.kill_batch()


def kill_agent(house: House) -> None:
    house.kill_agent(DICE)


def kill_both(house: House) -> None:
    house.kill_agent(DICE)
    house.kill_batch()


def kill_everything(house: House) -> None:
    house.kill_agent(DICE)
    house.kill_services(DICE)
    house.start_again()


KILLS = [kill_batch, kill_agent, kill_both, kill_everything]


def begin(house: House) -> tuple[BatchClient, str]:
    """A node that is idle, whose start task counts its boots."""
    client = client_of(house.service)
    options = pool_options(POOL, 1)
    options.start_task = models.BatchStartTask(
        command_line=sh("echo boot >> $AZ_BATCH_NODE_SHARED_DIR/boots")
    )
    client.create_pool(options)
    return client, until_state(client, "idle").id


def until_state(client: BatchClient, *states: str) -> models.BatchNode:
    def ready(nodes: list[models.BatchNode]) -> bool:
        return len(nodes) == 1 and nodes[0].state in states

    found: list[models.BatchNode] = until(
        lambda: insist(lambda: list(client.list_nodes(POOL))), ready, f"a node is {states}", DEADLINE
    )
    return found[0]


def boots(client: BatchClient, node: str) -> int:
    content = insist(lambda: b"".join(client.download_node_file(POOL, node, "shared/boots")))
    return len(content.splitlines())


def reboot(client: BatchClient, node: str, option: str = "requeue") -> None:
    client._reboot_node_internal(POOL, node, _models.BatchNodeRebootOptions(node_reboot_kind=option))


def deallocate(client: BatchClient, node: str, option: str) -> None:
    client._deallocate_node_internal(
        POOL, node, _models.BatchNodeDeallocateOptions(node_deallocate_option=option)
    )


def occupy(client: BatchClient, gate: Path) -> None:
    """The node runs a task that ends when the gate is there."""
    client.create_job(models.BatchJobCreateOptions(id=JOB, pool_info=models.BatchPoolInfo(pool_id=POOL)))
    client.create_task(JOB, make_task(sh(f"while [ ! -e {gate} ]; do sleep 0.05; done"), task_id="long"))
    until_state(client, "running")


@pytest.mark.endurance
@pytest.mark.parametrize("kill", KILLS)
def test_a_reboot_that_waits_outlives_every_kill(
    house: House, tmp_path: Path, kill: Callable[[House], None]
) -> None:
    client, node = begin(house)
    occupy(client, tmp_path / "gate")
    reboot(client, node, "taskcompletion")
    assert client.get_node(POOL, node).state == "rebooting"
    kill(house)
    (tmp_path / "gate").touch()
    again = until_state(client, "idle", "running")
    assert again.id == node
    until(lambda: boots(client, node), lambda count: count >= 2, "it has booted again", DEADLINE)
    task = until(
        lambda: insist(lambda: client.get_task(JOB, "long")),
        lambda found: found.state == "completed",
        "the task ends",
        DEADLINE,
    )
    assert task.execution_info.exit_code == 0


@pytest.mark.endurance
@pytest.mark.parametrize("kill", KILLS)
def test_a_node_is_deallocated_whoever_is_killed_meanwhile(
    house: House, tmp_path: Path, kill: Callable[[House], None]
) -> None:
    client, node = begin(house)
    occupy(client, tmp_path / "gate")
    deallocate(client, node, "taskcompletion")
    kill(house)
    (tmp_path / "gate").touch()
    assert until_state(client, "deallocated").id == node
    assert not (house.data_dir / "nodes" / node).exists()
    assert house.agents() == {}
    insist(lambda: started(client, node))
    until_state(client, "idle", "running")
    assert boots(client, node) == 1, "its files were wiped"


def started(client: BatchClient, node: str) -> Any:
    """Whether or not a request that was cut off has done it."""
    try:
        return client._start_node_internal(POOL, node)
    except HttpResponseError as error:
        if "NodeBeingStarted" not in str(error) and "OperationInvalidForCurrentState" not in str(error):
            raise
        return None


@pytest.mark.endurance
def test_the_service_is_killed_at_any_moment_of_a_reboot(house: House) -> None:
    client, node = begin(house)
    for wanted in range(2, 2 + MOMENTS):
        reboot(client, node)
        time.sleep(DICE.random() * 0.3)  # nothing is waited for: any moment will do
        house.kill_batch()
        assert until_state(client, "idle").id == node
        assert boots(client, node) >= wanted, "a boot more is possible, one less is not"
