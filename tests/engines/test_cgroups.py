"""Control groups of nodes: where they can be made, and that nothing gets out of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests import needs
from tests.engines.conformance import EngineConformance, is_running, pids, start, until, write_script
from tests.engines.local_world import LocalWorld, no_descriptors, of_kernel
from tests.nodes.peer import NODE, peer, task

from batchite.engines.local import cgroups
from batchite.engines.local.cgroups import Groups, Hierarchy, Limits, Place, ending, parse

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
def hierarchy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """The only place there is. Many machines have one kind alone, and nothing that is installed brings the
    other."""
    everywhere = cgroups.places()
    is_freezer = request.param == "freezer"
    found = [one for one in everywhere if (one.mount.name == "freezer") is is_freezer]
    if everywhere and not found:
        pytest.skip(f"this machine has no control groups of the kind {request.param}")
    monkeypatch.setattr(cgroups, "places", lambda: found)
    if not Groups(tmp_path / "nodes").can_be_made:
        needs.unmet("needs rights to make control groups of this kind")
    return found


@pytest.fixture
async def world(tmp_path: Path, hierarchy: list[Place]) -> AsyncIterator[LocalWorld]:
    """With groups in this hierarchy."""
    groups = Groups(tmp_path / "nodes")
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
def test_groups_can_be_made_on_a_machine_that_stands_still_for_seconds(
    tmp_path: Path, hierarchy: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed to try that may be gone only when no time is left."""
    leaps = SimpleNamespace(monotonic=count(step=60).__next__, sleep=time.sleep)
    monkeypatch.setattr(cgroups, "time", leaps)
    assert Groups(tmp_path / "nodes").can_be_made


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


PASSED_ON = "+memory +pids"


@pytest.fixture
def version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service's group, in directories that stand for a hierarchy of version 2 and have its files. Like
    every group with processes it passes no controller on. (`tests.guest` tries real ones.)"""
    mount = tmp_path / "groups"
    own = mount / "system.slice" / "batchite.service"
    make, remove = Path.mkdir, Path.rmdir

    def mkdir(path: Path, *arguments: Any, **named: Any) -> None:
        make(path, *arguments, **named)
        if path.is_relative_to(mount) and (path.parent / "cgroup.subtree_control").read_text() == PASSED_ON:
            for name in ("cgroup.subtree_control", "memory.max", "memory.swap.max", "pids.max"):
                (path / name).touch()

    def rmdir(path: Path) -> None:
        if path.is_relative_to(mount):
            for file in path.iterdir():
                file.unlink()
        remove(path)

    own.mkdir(parents=True)
    for group in (mount, own.parent):
        (group / "cgroup.subtree_control").touch()
    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    monkeypatch.setattr(cgroups, "places", list)
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [Hierarchy(Place(mount, own))])
    return own


def test_in_version_2_a_node_is_limited_beside_the_service(tmp_path: Path, version_2: Path) -> None:
    groups = Groups(tmp_path / "nodes", limiting=True)
    assert groups.can_limit
    limited = groups.limit(NODE, Limits(1 << 30, 100))
    (group,) = map(Path, limited)
    assert group.parent == version_2.parent
    said = {file.name: file.read_text() for file in group.iterdir()}
    assert said == {
        "memory.max": str(1 << 30),
        "memory.swap.max": "0",
        "pids.max": "100",
        "cgroup.subtree_control": PASSED_ON,
    }
    assert groups.limit(NODE, Limits(1 << 30, 100)) == limited
    assert sorted(path.name for path in version_2.parent.iterdir() if path.is_dir()) == sorted(
        [version_2.name, group.name]
    )
    assert Groups(tmp_path / "nodes", limiting=True).of(NODE) == {group}


def test_where_nobody_passes_controllers_on_nodes_are_not_limited(tmp_path: Path, version_2: Path) -> None:
    for group in (version_2.parent, version_2.parent.parent):
        (group / "cgroup.subtree_control").unlink()
    groups = Groups(tmp_path / "nodes", limiting=True)
    assert not groups.can_limit
    assert groups.limit(NODE, Limits(1 << 30, 100)) == ()


class TestWithoutGroups(EngineConformance):
    """What the engine does where no groups can be made."""

    @pytest.fixture
    async def world(
        self, tmp_path: Path, one_starter: None, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[LocalWorld]:
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
