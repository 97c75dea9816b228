"""Whatever is killed, stopped or paused when: acknowledged work is done once, nothing is left behind."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from azure.batch import models as m
from tests.product.survival.checks import (
    check_dependencies,
    check_log,
    check_nodes,
    check_records,
    check_runs,
    check_wishes,
)
from tests.product.survival.house import processes_of, until
from tests.product.survival.insisting import client_of
from tests.product.survival.load import completed_tasks
from tests.product.survival.ordeal import ordeal, plan
from tests.product.survival.pools import POOL, add_pool, idle_or_busy
from tests.product.survival.rest import check_rest
from tests.product.survival.schedule import check_schedule
from tests.product.survival.toll import Toll
from tests.seeds import SEED, seed

from batchite.testing.service import start, stop

ROUNDS = "BATCHITE_TEST_ROUNDS"


@pytest.fixture
def dice() -> random.Random:
    chosen = seed()
    print(f"{SEED}={chosen} repeats the choices of this run")
    return random.Random(chosen)  # noqa: S311 - no secrets


@pytest.mark.endurance
def test_acknowledged_work_survives_whatever_happens(tmp_path: Path, dice: random.Random) -> None:
    rounds = plan(dice, int(os.environ.get(ROUNDS) or 20))
    with ordeal(tmp_path, dice) as it:
        for kind in rounds:
            it.suffer(kind)
        it.end()
        assert it.half_staged > 0
        assert it.load.left > 0
        assert it.ended_meanwhile > 0
        check_wishes(it)
        check_records(it)
        check_runs(it)
        check_dependencies(it)
        check_schedule(it.client)
        check_nodes(it)
        for strand in it.strands:
            strand.check()
        it.load.stop()
        stop(it.house.service)
        assert processes_of(tmp_path) == []
        check_log(it.house)
        check_rest(it.house.data_dir)


@pytest.mark.endurance
def test_a_clean_stop_in_the_middle_of_work_leaves_nothing(tmp_path: Path, dice: random.Random) -> None:
    """And the next start goes on where this one stopped."""
    toll = Toll(tmp_path / "toll")
    service = start(tmp_path / "data")
    try:
        client = client_of(service)
        add_pool(client, POOL, 256, target_dedicated_nodes=2)
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
        until(lambda: idle_or_busy(client) == nodes, "the other node is back, too")
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
