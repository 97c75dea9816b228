"""Nodes of the local engine behind a wall, tested by a user without rights (`test_walls` has him do that)."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.conformance import start, until
from tests.engines.local_world import LocalWorld
from tests.nodes.peer import NODE, peer, task, task_directory

from batchite.configuration.sandbox import Sandbox
from batchite.engines.base import Lost
from batchite.engines.local import walls
from batchite.engines.local.engine import LocalEngine
from batchite.link.machines import Isolation
from batchite.link.messages import RunStarted
from batchite.machine import proc
from batchite.supervisor import isolation
from batchite.supervisor.isolation import TooLittleError

ADMIN = {"userIdentity": {"autoUser": {"elevationLevel": "admin"}}}
SECONDS = "600.25"
HIDES = f"( env -i setsid sh -c 'cd /; exec sleep {SECONDS}' & ); sleep {SECONDS}"


class WalledWorld(LocalWorld):
    def engine(self, lost: Lost | None = None) -> LocalEngine:
        def note(node_id: str, reason: str) -> None:
            self.lost.append((node_id, reason))

        isolation = Isolation("user", "A test asked for it.", (str(self.scratch / "shared"),))
        self.engines.append(LocalEngine(self.nodes, lost or note, isolation))
        return self.engines[-1]


def hiding() -> list[int]:
    """Processes of nodes that hide."""
    return [one.pid for one in proc.all_processes() if proc.words(one.pid) == ["sleep", SECONDS]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[WalledWorld]:
    (tmp_path / "shared").mkdir()
    async with peer() as service:
        world = WalledWorld(service, tmp_path / "service")
        world.scratch = tmp_path
        yield world
        await world.clear()


async def test_a_task_runs_behind_a_wall(world: WalledWorld) -> None:
    """And an elevated one is root by name only, which the agent says once."""
    (world.scratch / "shared" / "model").write_text("shared")
    (world.scratch / "other").write_text("not shared")
    await start(world, world.engine())
    shared = f"{world.scratch}/shared"
    script = f"pwd; ls {world.scratch}; cat {shared}/model; touch {shared}/mine"
    await world.service.send(
        task(1, f'/bin/sh -c "{script}"'), task(2, "id -u", **ADMIN), task(3, "id", **ADMIN)
    )
    assert (await world.service.ended(1)).exit_code == 1
    for number in (2, 3):
        assert (await world.service.ended(number)).exit_code == 0
    lines = (task_directory(world.nodes / NODE, 1) / "stdout.txt").read_text().splitlines()
    assert lines == ["/mnt/batch/tasks/workitems/job/job-1/t1/wd", "shared", "shared"]
    assert (task_directory(world.nodes / NODE, 2) / "stdout.txt").read_text() == f"{os.geteuid()}\n"
    assert (world.nodes / NODE / "agent.log").read_text().count("root by name only") == 1


async def test_nothing_is_left_of_a_node_that_is_removed(world: WalledWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    await world.service.send(task(1, f'/bin/sh -c "{HIDES}"'))
    await world.service.first(RunStarted)
    await until(lambda: len(hiding()) == 2)
    await engine.stop(NODE, handle, grace=0)
    assert hiding() == []
    await until(lambda: not os.listdir(world.nodes))
    assert world.lost == []


@pytest.mark.parametrize("who", ["agent", "first"])
async def test_a_node_is_lost_with_its_agent_or_its_first_process(world: WalledWorld, who: str) -> None:
    await start(world, world.engine())
    await world.service.send(task(1, f'/bin/sh -c "{HIDES}"'))
    await world.service.first(RunStarted)
    await until(lambda: len(hiding()) == 2)
    agent = world.agent(NODE)
    os.kill(agent if who == "agent" else child(child(agent)), signal.SIGKILL)
    await until(lambda: bool(world.lost))
    assert hiding() == []
    assert who == "agent" or "first process is gone" in world.lost[0][1]


def child(parent: int) -> int:
    (found,) = (one.pid for one in proc.all_processes() if one.parent == parent)
    return found


async def test_a_node_that_boots_again_has_its_files(world: WalledWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    keep = "echo kept > /tmp/kept; rm -rf /mnt/batch/tasks/shared; ln -s /etc /mnt/batch/tasks/shared"
    await world.service.send(task(1, f'/bin/sh -c "{keep}"'))
    assert (await world.service.ended(1)).exit_code == 0
    await engine.stop(NODE, handle, keep_files=True)
    await start(world, world.engine())
    await world.service.send(task(2, '/bin/sh -c "cat /tmp/kept; touch $AZ_BATCH_NODE_SHARED_DIR/mine"'))
    assert (await world.service.ended(2)).exit_code == 0
    assert (task_directory(world.nodes / NODE, 2) / "stdout.txt").read_text() == "kept\n"


def test_whether_they_can_be_made_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    assert walls.trial(tmp_path / "data" / "nodes").reason == ""
    assert os.listdir(tmp_path) == []


def test_the_highest_tier_that_can_be_had_is_chosen(tmp_path: Path) -> None:
    assert isolation.decide(Sandbox(tier="auto"), tmp_path).tier == "user"
    assert isolation.decide(Sandbox(require="user"), tmp_path).tier == "user"
    with pytest.raises(TooLittleError, match=r"sandbox.tier = 'machine', but nodes cannot .* Only root can"):
        isolation.decide(Sandbox(tier="machine"), tmp_path)
