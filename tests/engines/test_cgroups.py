"""Control groups of nodes: where they can be made, and that nothing gets out of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests import needs
from tests.engines.conformance import EngineConformance, is_running, pids, start, until, write_script
from tests.engines.test_local import LocalWorld, no_descriptors, of_kernel
from tests.nodes.peer import NODE, peer, task

from batchite.engines.local import cgroups
from batchite.engines.local.cgroups import Groups, Place, ending, parse

HIDDEN = (
    '( env -i setsid /bin/sh -c "echo \\$\\$ >> PIDS; cd /; exec sleep 600 </dev/null >/dev/null 2>&1" & )'
)
"""Leaves a process of which nothing tells whose it is."""

PURE = "31 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = """
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:34 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
""".strip()
FREEZER = Path("/sys/fs/cgroup/freezer")


@pytest.mark.parametrize(
    ("mounts", "memberships", "expected"),
    [
        ("", "", []),
        (
            PURE,
            "0::/user.slice/a.scope",
            [Place(Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/user.slice/a.scope"))],
        ),
        (PURE, "0::/", [Place(Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup"))]),
        (PURE, "0::/../../elsewhere", []),
        (
            HYBRID,
            "5:cpu,cpuacct:/\n3:freezer:/f\n0::/v2",
            [
                Place(Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/unified/v2")),
                Place(FREEZER, FREEZER / "f"),
            ],
        ),
        (
            "37 31 0:34 /docker/abc /sys/fs/cgroup/freezer ro - cgroup cgroup rw,freezer",
            "3:freezer:/docker/abc/x",
            [Place(FREEZER, FREEZER / "x")],
        ),
        (
            "37 31 0:34 /docker/abc /sys/fs/cgroup/freezer ro - cgroup cgroup rw,freezer",
            "3:freezer:/docker/abcd",
            [],
        ),
        (
            r"31 22 0:27 / /my\040groups rw - cgroup2 cgroup2 rw",
            "0::/",
            [Place(Path("/my groups"), Path("/my groups"))],
        ),
    ],
)
def test_where_groups_may_be_made(mounts: str, memberships: str, expected: list[Place]) -> None:
    assert ending(parse(mounts, memberships)) == expected


def test_what_only_looks_like_a_place_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hierarchy = tmp_path / "hierarchy"
    hierarchy.mkdir()
    monkeypatch.setattr(cgroups, "places", lambda: [Place(hierarchy, hierarchy)])
    groups = Groups(tmp_path / "nodes")
    assert not groups.can_be_made
    assert groups.make(NODE) is None
    assert groups.end(NODE)
    assert list(hierarchy.iterdir()) == []


def test_without_descriptors_nobody_can_tell(tmp_path: Path) -> None:
    with no_descriptors(), pytest.raises(OSError, match="open files"):
        Groups(tmp_path)


@pytest.fixture(params=["cgroup2", "freezer"])
def hierarchy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """The only place there is."""
    is_freezer = request.param == "freezer"
    found = [one for one in cgroups.places() if (one.mount.name == "freezer") is is_freezer]
    monkeypatch.setattr(cgroups, "places", lambda: found)
    return found


@pytest.fixture
async def world(tmp_path: Path, hierarchy: list[Place]) -> AsyncIterator[LocalWorld]:
    """With groups in this hierarchy."""
    groups = Groups(tmp_path / "nodes")
    if not groups.can_be_made:
        needs.unmet("needs rights to make control groups of this kind")
    async with peer() as service:
        world = LocalWorld(service, tmp_path)
        yield world
        await world.clear()
    assert not any(path.exists() for path in groups.of(NODE))


async def hide(world: LocalWorld) -> int:
    """Run a task that leaves a process behind which nothing shows to be of the node."""
    path, script = world.scratch / "pids", world.scratch / "script"
    write_script(script, [HIDDEN.replace("PIDS", str(path)), "while :; do sleep 0.05; done"])
    await world.service.send(task(1, f"/bin/sh {script}"))
    await until(lambda: len(pids(path)) == 1)
    return pids(path)[0]


@pytest.mark.system
async def test_nothing_of_a_killed_agent_goes_on_however_it_hides(world: LocalWorld) -> None:
    await start(world, world.engine())
    hidden = await hide(world)
    await world.kill(NODE)
    await until(lambda: bool(world.lost))
    assert not is_running(hidden)


@pytest.mark.system
async def test_nothing_of_it_goes_on_though_the_service_was_down(world: LocalWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    hidden = await hide(world)
    await engine.close()
    await world.kill(NODE)
    assert is_running(hidden)
    await world.engine().adopt({NODE: handle})
    await until(lambda: bool(world.lost))
    assert not is_running(hidden)


@pytest.mark.system
async def test_what_is_left_of_a_node_that_nobody_knows_ends_at_the_next_start(world: LocalWorld) -> None:
    engine = world.engine()
    await start(world, engine)
    hidden = await hide(world)
    await engine.close()
    await world.kill(NODE)
    shutil.rmtree(world.nodes / NODE)
    await asyncio.to_thread(Groups, world.nodes.resolve())
    await until(lambda: not is_running(hidden))


@pytest.mark.system
async def test_groups_within_the_group_end_too(world: LocalWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    process = moved_within(Groups(world.nodes))
    await engine.stop(NODE, handle)
    assert process.wait() == -signal.SIGKILL


def moved_within(groups: Groups) -> subprocess.Popen[bytes]:
    (group,) = groups.of(NODE)
    (group / "inner").mkdir()
    process = subprocess.Popen(["sleep", "600"])
    (group / "inner" / "cgroup.procs").write_text(str(process.pid))
    return process


class TestWithoutGroups(EngineConformance):
    """What the engine does where no groups can be made."""

    @pytest.fixture
    async def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalWorld]:
        monkeypatch.setattr(cgroups, "places", list)
        async with peer() as service:
            world = LocalWorld(service, tmp_path)
            yield world
            await world.clear()

    async def test_a_node_has_no_group(self, world: LocalWorld) -> None:
        await start(world, world.engine())
        agent = world.agent(NODE)
        assert agent != os.getpid()
        assert of_kernel(agent, "cgroup") == of_kernel(os.getpid(), "cgroup")
