"""A node that boots again, and one that is removed, whoever was killed before."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import azure.batch
import psutil
import pytest
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceNotFoundError
from tests.nodes.sandbox import unprivileged
from tests.product.test_serve import child, processes_of
from tests.service.house import make_task, pool_options, sh, until

from batchite.engines.local import agent
from batchite.link import machines
from batchite.testing.service import RunningService, running_service, start

DEADLINE = 60.0
POOL = "pool"
TIERS = ["process", pytest.param("machine", marks=pytest.mark.system)]
if os.geteuid() == unprivileged.USER:  # as whom `test_walls` runs this
    TIERS = ["user"]
TELL_TALE = {"process": {"name"}, "machine": {"group"}, "user": set[str]()}
"""what else there is of a node that runs"""


class Site:
    """A data directory, whose pool has one node with a task that hides processes."""

    def __init__(self, data_dir: Path, tier: str) -> None:
        self.data_dir = data_dir.resolve()
        self.tier = tier
        self.variables = {"BATCHITE_SANDBOX_TIER": tier, "BATCHITE_SANDBOX_REQUIRE": tier}
        self.word = f"600.{secrets.randbelow(10**12):012}"
        """in the command lines of the task's processes"""
        self.first_ids: set[int] = set()

    def fill(self, batch: azure.batch.BatchClient) -> str:
        """The node, with the task running."""
        script = 'echo >> "$AZ_BATCH_NODE_SHARED_DIR/boots"'
        start_task = models.BatchStartTask(command_line=sh(script), wait_for_success=True)
        batch.create_pool(pool_options(POOL, 1, start_task=start_task))
        batch.create_job(models.BatchJobCreateOptions(id="job", pool_info=models.BatchPoolInfo(pool_id=POOL)))
        hidden = f'( env -i setsid sh -c "cd /; exec sleep {self.word}" & ); exec sleep {self.word}'
        batch.create_task("job", make_task(sh(hidden), task_id="task"))
        return self.running(batch)

    def running(self, batch: azure.batch.BatchClient) -> str:
        until(self.hidden, lambda found: len(found) == 2, "the task and what it hides run", DEADLINE)
        (node,) = until(lambda: nodes(batch), lambda them: [it.state for it in them] == ["running"], "a node")
        told = self.data_dir / "nodes" / node.id / machines.FILE_NAME
        if told.exists():
            self.first_ids.add(json.loads(told.read_bytes())["first_id"])
        return str(node.id)

    def hidden(self) -> set[int]:
        return {
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [""])[-1] == self.word
        }

    def agent(self, node_id: str) -> int:
        return agent.running()[str(self.data_dir / "nodes" / node_id)].pid

    def spawner(self, node_id: str) -> int:
        told = json.loads((self.data_dir / "nodes" / node_id / machines.FILE_NAME).read_bytes())
        return int(told["spawner"])

    def traces(self, *node_ids: str) -> list[str]:
        """What there is of nodes, besides the service itself."""
        found = [f"process {pid}" for pid in self.hidden()]
        found += [f"agent of {where}" for where in agent.running() if where.startswith(str(self.data_dir))]
        found += [f"process {one.pid} of a user" for one in psutil.process_iter() if self._is_inside(one)]
        found += [f"file {path}" for path in (self.data_dir / "nodes").glob("*")]
        found += [f"name {link}" for link in short_names() if str(self.data_dir) in target(link)]
        mounts = Path("/proc/self/mountinfo").read_text()
        found += [f"mount {node_id}" for node_id in node_ids if node_id in mounts]
        groups = (Path(path, name) for path, below, _ in os.walk("/sys/fs/cgroup") for name in below)
        found += [f"group {group}" for group in groups if any(one in group.name for one in node_ids)]
        return found

    def _is_inside(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            user = process.uids().real
            return any(first <= user < first + machines.IDS for first in self.first_ids)
        return False


@contextlib.contextmanager
def client(service: RunningService) -> Iterator[azure.batch.BatchClient]:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    with azure.batch.BatchClient(service.batch_url, credential) as batch:
        yield batch


def short_names() -> list[Path]:
    """Of nodes of all services of this user; the directory goes with the last of them."""
    place = Path(f"/tmp/b{os.geteuid()}")
    with contextlib.suppress(FileNotFoundError):
        return [place / name for name in os.listdir(place)]
    return []


def target(link: Path) -> str:
    """Nothing of one that is gone: other tests have nodes as well."""
    with contextlib.suppress(OSError):
        return os.readlink(link)
    return ""


def nodes(batch: azure.batch.BatchClient) -> list[models.BatchNode]:
    return list(batch.list_nodes(POOL))


def boots(batch: azure.batch.BatchClient, node_id: str) -> int:
    return sum(map(len, batch.download_node_file(POOL, node_id, "shared/boots")))


def is_gone(batch: azure.batch.BatchClient) -> bool:
    try:
        batch.get_pool(POOL)
    except ResourceNotFoundError:
        return True
    return False


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def crash(service: RunningService) -> None:
    """All of the service, and none of its nodes."""
    kill(service.process.pid, child(service, "batch").pid, child(service, "blobs").pid)
    service.process.wait(DEADLINE)


def forge(service: RunningService) -> int:
    (one,) = (one for one in child(service, "batch").children() if machines.FORGE in one.cmdline())
    return one.pid


@pytest.fixture(params=TIERS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(tmp_path / "data", request.param)


def test_a_node_that_boots_again_ends_what_ran_and_runs_its_start_task(site: Site) -> None:
    service = start(site.data_dir, variables=site.variables)
    with client(service) as batch:
        node_id = site.fill(batch)
        assert boots(batch, node_id) == 1
    kinds = {trace.split()[0] for trace in site.traces(node_id)}
    assert kinds >= {"process", "agent", "file"} | TELL_TALE[site.tier]
    before = site.hidden()
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(DEADLINE) == 0
    assert site.hidden() == set()
    assert processes_of(site.data_dir) == []
    with running_service(site.data_dir, variables=site.variables) as again, client(again) as batch:
        assert site.running(batch) == node_id
        assert boots(batch, node_id) == 2, "its files are those of before"
        assert not site.hidden() & before
        batch.begin_delete_pool(POOL)
        until(lambda: is_gone(batch), bool, "the pool is deleted", DEADLINE)
        until(lambda: site.traces(node_id), lambda found: not found, "nothing is left")


@pytest.mark.system
def test_a_machine_is_replaced_though_who_makes_machines_was_killed(tmp_path: Path) -> None:
    site = Site(tmp_path / "data", "machine")
    with running_service(site.data_dir, variables=site.variables) as service, client(service) as batch:
        first = site.fill(batch)
        before = site.hidden()
        kill(forge(service), site.spawner(first))
        until(lambda: not site.hidden() & before, bool, "what ran before is gone", DEADLINE)
        until(lambda: first not in {node.id for node in nodes(batch)}, bool, "the node is lost", DEADLINE)
        second = site.running(batch)
        assert boots(batch, second) == 1
        batch.begin_delete_pool(POOL)
        until(lambda: is_gone(batch), bool, "the pool is deleted", DEADLINE)
        until(lambda: site.traces(first, second), lambda left: not left, "its traces")


@pytest.mark.system
@pytest.mark.parametrize("killed", ["service", "agent", "node and service", "machine"])
def test_nothing_is_left_of_a_node_that_is_removed(site: Site, killed: str) -> None:
    """`machine`: all that runs, as if the machine had lost its power."""
    service = start(site.data_dir, variables=site.variables)
    with client(service) as batch:
        first = site.fill(batch)
    before = site.hidden()
    match killed:
        case "service":
            crash(service)
            assert site.hidden() == before, "nodes go on"
        case "agent":
            kill(site.agent(first))
        case "node and service":
            kill(site.agent(first))
            crash(service)
        case "machine":
            agent_pid = site.agent(first)
            crash(service)
            kill(agent_pid, *before)
    if killed != "agent":
        service = start(site.data_dir, variables=site.variables)
    with client(service) as batch:
        if killed == "service":
            assert site.running(batch) == first
        else:
            until(lambda: not site.hidden() & before, bool, "what ran before is gone", DEADLINE)
            until(lambda: first not in {node.id for node in nodes(batch)}, bool, "the node is lost", DEADLINE)
            second = site.running(batch)
            assert boots(batch, second) == 1
            until(
                lambda: site.traces(first), lambda left: not any(first in one for one in left), "its traces"
            )
        batch.begin_delete_pool(POOL)
        crash(service)
    with running_service(site.data_dir, variables=site.variables) as again, client(again) as batch:
        until(lambda: is_gone(batch), bool, "the pool is deleted", DEADLINE)
        until(lambda: site.traces(first), lambda left: not left, "its traces")
