"""Nodes of the local engine that are machines: from a spec to a task, and to nothing at all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.engines.conformance import begin, start, until
from tests.engines.local_world import LocalWorld
from tests.nodes.peer import NODE, node_spec, peer, task, task_directory

from batchite.engines.base import Lost
from batchite.engines.local import machines
from batchite.engines.local.cgroups import Groups
from batchite.engines.local.engine import LocalEngine
from batchite.engines.local.machines import Ranges
from batchite.link.machines import FILE_NAME, FIRST_ID, FORGE, IDS, RANGES, Isolation
from batchite.link.messages import Hello, RunStarted
from batchite.link.spec import NodeImage, NodeLayer
from batchite.machine import proc

ADMIN = {"userIdentity": {"autoUser": {"elevationLevel": "admin"}}}
HIDES = "( env -i setsid sh -c 'cd /; exec sleep 600' & ); sleep 600"


class MachineWorld(LocalWorld):
    shared: Path | None = None
    """what nodes see; a directory of that name, unless another one is given"""

    def engine(self, lost: Lost | None = None) -> LocalEngine:
        def note(node_id: str, reason: str) -> None:
            self.lost.append((node_id, reason))

        shared = str(self.shared or self.scratch / "shared")
        isolation = Isolation("machine", "A test asked for it.", (shared,))
        self.engines.append(LocalEngine(self.nodes, lost or note, isolation))
        return self.engines[-1]

    def first_id(self, node_id: str = NODE) -> int:
        told = json.loads((self.nodes / node_id / FILE_NAME).read_bytes())
        return int(told["first_id"])

    def inside(self, node_id: str = NODE) -> list[int]:
        """Processes of the node's users."""
        return running(self.first_id(node_id))


def running(first_id: int) -> list[int]:
    users = range(first_id, first_id + IDS)
    return [process.pid for process in proc.all_processes() if owner(process.pid) in users]


def owner(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        return -1


def groups(nodes: Path, node_id: str = NODE) -> list[Path]:
    return [group for group in Groups(nodes.resolve(), limiting=True).of(node_id) if group.exists()]


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MachineWorld]:
    (tmp_path / "shared").mkdir()
    async with peer() as service:
        world = MachineWorld(service, tmp_path)
        yield world
        await world.clear()


@pytest.mark.system
async def test_a_task_runs_in_a_machine(world: MachineWorld) -> None:
    (world.scratch / "shared" / "model").write_text("shared")
    (world.scratch / "other").write_text("not shared")
    await start(world, world.engine())
    shared = f"{world.scratch}/shared"
    script = f"pwd; id -un; ls {world.scratch}; cat {shared}/model; touch {shared}/mine"
    await world.service.send(task(1, f'/bin/sh -c "{script}"'), task(2, "id -u", **ADMIN))
    assert (await world.service.ended(1)).exit_code == 1
    assert (await world.service.ended(2)).exit_code == 0
    lines = (task_directory(world.nodes / NODE, 1) / "stdout.txt").read_text().splitlines()
    assert lines == ["/mnt/batch/tasks/workitems/job/job-1/t1/wd", "_azbatch", "shared", "shared"]
    assert (task_directory(world.nodes / NODE, 2) / "stdout.txt").read_text() == "0\n"


@pytest.fixture
def careful() -> Iterator[None]:
    """What this process makes is for nobody else, unless it says so."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.system
async def test_users_of_a_node_come_in_though_the_service_lets_nobody_in(
    world: MachineWorld, careful: None
) -> None:
    await start(world, world.engine())
    look = "cd $AZ_BATCH_TASK_WORKING_DIR && touch mine $AZ_BATCH_NODE_SHARED_DIR/mine && python3 --version"
    await world.service.send(task(1, f"/bin/sh -c '{look}'"), task(2, f"/bin/sh -c '{look}'", **ADMIN))
    for number in (1, 2):
        assert (await world.service.ended(number)).exit_code == 0


@pytest.fixture(params=["/var/lib", "/var/tmp"])
def within(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory in the system's own: where services have theirs, or where everybody may."""
    directory = Path(tempfile.mkdtemp(dir=request.param, prefix="batchite-test-"))
    directory.chmod(0o755)
    (directory / "shared").mkdir()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
async def in_the_system(within: Path) -> AsyncIterator[MachineWorld]:
    async with peer() as service:
        world = MachineWorld(service, within)
        yield world
        await world.clear()
        await until(lambda: not os.listdir(world.nodes))


@pytest.mark.system
async def test_a_directory_within_the_system_is_not_seen_and_its_layers_are(
    in_the_system: MachineWorld,
) -> None:
    world = in_the_system
    image = NodeImage(layers=(NodeLayer(str(made_layer(world.scratch / "layer"))),))
    await start(world, world.engine(), image=image)
    script = "layered; /var/lib/layered/link; stat -c %U /var/lib/layered/file; ls /etc/layered; ls -A "
    script += f"{world.scratch}; echo; ls -A /var/tmp"
    await world.service.send(task(1, f'/bin/sh -c "{script}"', **ADMIN))
    await world.service.ended(1)
    said = (task_directory(world.nodes / NODE, 1) / "stdout.txt").read_text().splitlines()
    assert said[:4] == ["layered", "layered", "root", "/etc/layered"]
    assert said[4:6] == ["shared", ""]
    shared = [world.scratch, *map(Path, machines.python_places())]
    assert set(said[6:]) == {path.parts[3] for path in shared if path.is_relative_to("/var/tmp")}


@pytest.mark.system
@pytest.mark.parametrize("by", ["its own name", "a link"])
async def test_the_service_s_directory_is_not_seen_within_what_is_shared(tmp_path: Path, by: str) -> None:
    fill(tmp_path)
    shared = tmp_path
    if by == "a link":
        shared = tmp_path.with_name(f"{tmp_path.name}-link")
        shared.symlink_to(tmp_path)
    async with peer() as service:
        world = MachineWorld(service, tmp_path / "data")
        world.shared = shared
        await start(world, world.engine())
        look = f"cat {shared}/seen; ls -A {shared}/data; umount {shared}/data; cat {shared}/data/keys"
        await world.service.send(task(1, f'/bin/sh -c "{look}"', **ADMIN))
        await world.service.ended(1)
        said = (task_directory(world.nodes / NODE, 1) / "stdout.txt").read_text()
        await world.clear()
    assert said == "seen"


def fill(directory: Path) -> None:
    directory.chmod(0o755)
    (directory / "data").mkdir()
    (directory / "data" / "keys").write_text("secret")
    (directory / "seen").write_text("seen")


def made_layer(layer: Path) -> Path:
    for path in ("usr/local/bin/layered", "var/lib/layered/file", "var/backups/file", "etc/layered"):
        (layer / path).parent.mkdir(parents=True, exist_ok=True)
        (layer / path).write_text("#!/bin/sh\necho layered\n")
        (layer / path).chmod(0o755)
    (layer / "var/lib/layered/link").symlink_to("file")
    return layer


@pytest.mark.system
async def test_nothing_is_left_of_a_node_that_is_removed(world: MachineWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    await world.service.send(task(1, f'/bin/sh -c "{HIDES}"', **ADMIN))
    await world.service.first(RunStarted)
    first_id = world.first_id()
    await until(lambda: len(running(first_id)) > 3)
    assert groups(world.nodes)
    await engine.stop(NODE, handle, grace=0)
    assert running(first_id) == []
    assert groups(world.nodes) == []
    assert str(world.nodes) not in mounts()
    await until(lambda: not os.listdir(world.nodes))
    assert world.lost == []


@pytest.mark.system
@pytest.mark.parametrize("who", ["agent", "spawner"])
async def test_a_node_is_lost_with_its_agent_or_its_first_process(world: MachineWorld, who: str) -> None:
    await start(world, world.engine())
    await world.service.send(task(1, f'/bin/sh -c "{HIDES}"', **ADMIN))
    await world.service.first(RunStarted)
    first_id = world.first_id()
    told = json.loads((world.nodes / NODE / FILE_NAME).read_bytes())
    os.kill(world.agent(NODE) if who == "agent" else told["spawner"], signal.SIGKILL)
    await until(lambda: bool(world.lost))
    assert running(first_id) == []
    assert groups(world.nodes) == []
    assert who == "agent" or "first process is gone" in world.lost[0][1]


@pytest.mark.system
async def test_nodes_go_on_without_the_service_and_end_with_the_next(world: MachineWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    await engine.close()
    await world.service.send(task(1, "true"))
    assert (await world.service.ended(1)).exit_code == 0
    again = world.engine()
    await again.adopt({NODE: handle})
    _, other = await start(world, again, node_id="other")
    assert world.first_id("other") != world.first_id()
    first_id = world.first_id()
    await again.stop(NODE, handle)
    assert running(first_id) == []
    assert world.inside("other")
    await again.stop("other", other)


@pytest.mark.system
async def test_a_forge_that_was_killed_is_begun_anew_and_its_nodes_go_on(world: MachineWorld) -> None:
    engine = world.engine()
    await start(world, engine)
    (forge,) = (pid for pid in forges() if is_child(pid))
    os.kill(forge, signal.SIGKILL)
    _, other = await start(world, engine, node_id="other")
    assert world.inside()
    assert world.inside("other")
    await engine.stop("other", other)
    assert world.lost == []


def forges() -> list[int]:
    return [process.pid for process in proc.all_processes() if FORGE in proc.words(process.pid)]


def is_child(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and process.parent == os.getpid()


@pytest.mark.system
async def test_its_agent_says_first_of_all_what_it_is(world: MachineWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    said = await engine.log(NODE, handle, 10_000)
    assert said is not None
    assert said.splitlines()[0] == "Tier: machine. A test asked for it."


@pytest.mark.system
async def test_a_node_that_boots_again_has_its_files_and_its_users(world: MachineWorld) -> None:
    engine = world.engine()
    _, handle = await start(world, engine)
    keep = (
        "echo kept > /etc/kept; mkdir -p /data /root/x; rm -rf /mnt/nothing; rm -f /srv/x; ln -s /etc /srv/x"
    )
    await world.service.send(task(1, f'/bin/sh -c "{keep}"', **ADMIN))
    assert (await world.service.ended(1)).exit_code == 0
    first_id = world.first_id()
    await engine.stop(NODE, handle, keep_files=True)
    again = world.engine()
    await start(world, again, token="the-token")
    assert world.first_id() == first_id
    await world.service.send(task(2, '/bin/sh -c "cat /etc/kept; ls -d /data"', **ADMIN))
    assert (await world.service.ended(2)).exit_code == 0
    assert (task_directory(world.nodes / NODE, 2) / "stdout.txt").read_text() == "kept\n/data\n"


@pytest.mark.system
async def test_what_its_root_planted_leads_nobody_out_when_it_boots_again(
    world: MachineWorld, tmp_path: Path
) -> None:
    """Where the node's mounts and shared paths have their places."""
    (tmp_path / "outside").mkdir()
    engine = world.engine()
    _, handle = await start(world, engine)
    links = [f"mv /mnt /moved; ln -s {tmp_path}/outside /mnt", f"rm -rf /tmp; ln -s {tmp_path}/outside /tmp"]
    await world.service.send(task(1, f'/bin/sh -c "{"; ".join(links)}"', **ADMIN))
    await world.service.ended(1)
    await engine.stop(NODE, handle, keep_files=True)
    await start(world, world.engine())
    await world.service.send(task(2, "pwd"))
    assert (await world.service.ended(2)).exit_code == 0
    assert os.listdir(tmp_path / "outside") == []


@pytest.mark.system
async def test_a_node_that_cannot_be_made_is_refused_with_the_reason(world: MachineWorld) -> None:
    engine = world.engine()
    (world.scratch / "shared").rmdir()
    with pytest.raises(OSError, match=r"cannot be made a machine: .*shared"):
        await begin(engine, node_spec(world.service.url))
    assert world.service.of_kind(Hello) == []


@pytest.mark.system
def test_whether_they_can_be_made_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    assert machines.why_not(tmp_path / "data" / "nodes") is None
    assert os.listdir(tmp_path) == []


def test_no_two_nodes_have_the_same_users(tmp_path: Path) -> None:
    ranges = Ranges(tmp_path)
    first = [ranges.of(tmp_path / name) for name in ("a", "b", "c")]
    assert len(set(first)) == 3
    last = FIRST_ID + IDS * RANGES
    assert all(FIRST_ID <= one < last and one % IDS == 0 for one in first)


def test_all_users_of_nodes_have_numbers_that_older_kernels_read() -> None:
    assert FIRST_ID + RANGES * IDS - 1 < 2**31


@pytest.mark.system
async def test_a_node_that_boots_again_finds_the_names_that_there_are_then(world: MachineWorld) -> None:
    engine = world.engine()
    await start(world, engine, hosts=("127.64.0.1\tfilms.example", "127.64.0.1\tmore.example"))
    script = "getent hosts films.example more.example && echo 10.0.0.1 mine >> /etc/hosts"
    await world.service.send(task(1, f"/bin/sh -c '{script}'", **ADMIN))
    assert (await world.service.ended(1)).exit_code == 0
    await start(world, engine, hosts=("127.64.0.1\tfilms.example",))
    await world.service.send(task(2, "getent hosts films.example mine"), task(3, "getent hosts more.example"))
    assert (await world.service.ended(2)).exit_code == 0
    assert (await world.service.ended(3)).exit_code == 2
