"""The product with nodes that are machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from azure.batch import BatchClient, models
from azure.batch.models import _models
from tests.product.test_stopping import client
from tests.service.house import make_task, pool_options, until

from batchite.link.machines import IDS
from batchite.machine import proc
from batchite.testing import running_service

pytestmark = pytest.mark.system

MACHINES = {"BATCHITE_SANDBOX_TIER": "machine"}
ELEVATED = models.UserIdentity(
    auto_user=models.AutoUserSpecification(elevation_level=models.ElevationLevel.ADMIN)
)
CLIENT = Path(__file__).parents[2] / "examples" / "tutorial" / "tutorial_client.py"


def doctor(data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "batchite", "doctor", "--json", "--data-dir", str(data_dir)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, env={**os.environ, **variables}, check=False
    )


def test_the_tutorial(tmp_path: Path) -> None:
    with running_service(variables=MACHINES) as service:
        assert any('"tier": "machine"' in line or "Nodes   machine" in line for line in service.lines)
        words = [sys.executable, str(CLIENT), "--output", str(tmp_path), "--words", "2"]
        answer = subprocess.run(
            words,
            env={**os.environ, **service.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
    results = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert len(results) == 3
    assert all("the " in result and "Node: tvm" in result for result in results)


def test_a_node_boots_again_with_its_files_and_says_when_memory_was_short(tmp_path: Path) -> None:
    """Through a stop in the middle of work, of which nothing goes on."""
    pool, job = models.BatchPoolInfo(pool_id="pool"), "job"
    with running_service(tmp_path, variables=MACHINES) as service, client(service) as batch:
        batch.create_pool(pool_options("pool", 1, vm_size="Standard_A0"))
        batch.create_job(models.BatchJobCreateOptions(id=job, pool_info=pool))
        once = "ls /opt/kept || { echo > /opt/kept; setsid sleep 600 & sleep 600; }"
        batch.create_task(job, make_task(f"/bin/sh -c '{once}'", task_id="once", user_identity=ELEVATED))
        until(lambda: kept(tmp_path), bool, "what the task writes")
    assert running_in(tmp_path) == []
    with running_service(tmp_path, variables=MACHINES) as again, client(again) as batch:
        task = until(
            lambda: batch.get_task(job, "once"), lambda it: it.state == "completed", "the second run"
        )
        assert task.execution_info.result == "success"
        greedy = "python3 -c 'x = bytearray(2 << 30)'"
        batch.create_task(job, make_task(greedy, task_id="greedy"))
        info = until(lambda: batch.get_task(job, "greedy"), lambda it: it.state == "completed", "its end")
        assert info.execution_info.exit_code == 137
        assert info.execution_info.failure_info is not None
        details = [pair.value for pair in info.execution_info.failure_info.details or []]
        assert any("limit of memory" in str(detail) for detail in details)
    assert running_in(tmp_path) == []


def test_users_by_whom_people_log_in_are_those_of_the_node_and_survive(tmp_path: Path) -> None:
    """Through a stop, after which the node boots again, and a user is deleted."""
    pool = models.BatchPoolInfo(pool_id="pool")
    look = "/bin/sh -c 'getent passwd somebody | cut -d: -f6; getent passwd other | cut -d: -f6'"

    def seen(batch: BatchClient, name: str) -> bytes:
        batch.create_task("job", make_task(look, task_id=name))
        until(lambda: batch.get_task("job", name), lambda it: it.state == "completed", "its end")
        return b"".join(batch.download_task_file("job", name, "stdout.txt"))

    with running_service(tmp_path, variables=MACHINES) as service, client(service) as batch:
        batch.create_pool(pool_options("pool", 1))
        batch.create_job(models.BatchJobCreateOptions(id="job", pool_info=pool))
        (node,) = until(
            lambda: [*batch.list_nodes("pool", filter="state eq 'idle'")], bool, "a node that is idle"
        )
        for name in ("somebody", "other"):
            batch.create_node_user("pool", node.id, models.BatchNodeUserCreateOptions(name=name))
        until(lambda: seen(batch, f"t{next(NUMBERS)}"), lambda it: it == BOTH, "the users")
        batch.delete_node_user("pool", node.id, "other")
    with running_service(tmp_path, variables=MACHINES) as again, client(again) as batch:
        until(lambda: seen(batch, f"t{next(NUMBERS)}"), lambda it: it == b"/home/somebody\n", "one user")
        assert batch.get_node_remote_login_settings("pool", node.id).remote_login_port == 50000


def test_a_reboot_makes_the_machine_anew_and_keeps_its_tree_which_a_reimage_does_not(
    tmp_path: Path,
) -> None:
    look = "/bin/sh -c 'cut -d \" \" -f 22 /proc/1/stat; ls /opt/kept'"  # when its first process began

    with running_service(tmp_path, variables=MACHINES) as service, client(service) as batch:
        batch.create_pool(pool_options("pool", 1))
        batch.create_job(
            models.BatchJobCreateOptions(id="job", pool_info=models.BatchPoolInfo(pool_id="pool"))
        )

        def run(name: str, line: str) -> list[str]:
            batch.create_task("job", make_task(line, task_id=name, user_identity=ELEVATED))
            until(lambda: batch.get_task("job", name), lambda it: it.state == "completed", "its end")
            return b"".join(batch.download_task_file("job", name, "stdout.txt")).decode().split()

        def booted(since: object) -> bool:
            (node,) = batch.list_nodes("pool")
            return node.state == "idle" and node.last_boot_time > since

        run("first", "/bin/sh -c 'echo > /opt/kept'")
        began, kept_file = run("before", look)
        (node,) = batch.list_nodes("pool")
        options = _models.BatchNodeRebootOptions(node_reboot_kind="requeue")
        batch._reboot_node_internal("pool", node.id, options)
        until(lambda: booted(node.last_boot_time), bool, "it has booted again")
        began_again, still_kept = run("after", look)
        assert int(began_again) > int(began)
        assert still_kept == kept_file == "/opt/kept"
        (node,) = batch.list_nodes("pool")
        words = ["node", "reimage", node.id, "--wait", "--data-dir", str(tmp_path)]
        subprocess.run([sys.executable, "-m", "batchite", *words], check=True, timeout=60)
        assert "/opt/kept" not in run("anew", look)
    assert running_in(tmp_path) == []


NUMBERS = count(1)
BOTH = b"/home/somebody\n/home/other\n"


def kept(data_dir: Path) -> list[Path]:
    return [*data_dir.glob("nodes/*/machine/opt/upper/kept")]


def running_in(data_dir: Path) -> list[int]:
    """Processes of users of its nodes."""
    first = {top.stat().st_uid for top in data_dir.glob("nodes/*/machine/top")}
    assert first
    found = [process.pid for process in proc.all_processes()]
    return [pid for pid in found if any(one <= owner(pid) < one + IDS for one in first)]


def owner(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        return -1


def test_doctor_tries_and_leaves_nothing(tmp_path: Path) -> None:
    answer = doctor(tmp_path / "data", BATCHITE_SANDBOX_TIER="auto")
    told = json.loads(answer.stdout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert told["tiers"]["machine"]["can"] is True
    assert told["tiers"]["user"]["can"] is False
    assert "root does not run" in told["tiers"]["user"]["why"]
    assert told["chosen"]["tier"] == "machine"
    assert told["images"] == []
    assert os.listdir(tmp_path) == []


def test_doctor_tells_of_a_root_file_system_that_nobody_has_added(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[images]]\noffer = "*"\nroot = "mine"\n')
    answer = doctor(tmp_path / "data", BATCHITE_SANDBOX_TIER="process", BATCHITE_CONFIG=str(config))
    (problem,) = json.loads(answer.stdout)["images"]
    assert "the root file system 'mine', which is not there; add it with: batchite image add mine" in problem


def test_a_start_that_cannot_have_what_is_required_says_why_and_what_to_do(tmp_path: Path) -> None:
    """As in most containers; here the nodes' directory is one that takes none."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nodes").symlink_to("/proc")
    variables = {"BATCHITE_SANDBOX_REQUIRE": "machine"}
    answer = doctor(tmp_path / "data", **variables)
    told = json.loads(answer.stdout)
    assert answer.returncode == 1
    assert told["tiers"]["machine"]["can"] is False
    assert told["chosen"]["tier"] is None
    words = [sys.executable, "-m", "batchite", "serve", "--data-dir", str(tmp_path / "data")]
    words += ["--batch-port", "0", "--blob-port", "0"]
    refused = subprocess.run(
        words, capture_output=True, text=True, timeout=60, env={**os.environ, **variables}, check=False
    )
    assert refused.returncode == 1
    assert "sandbox.require = 'machine', but nodes cannot be machines here. This machine" in refused.stderr
    assert "batchite doctor" in refused.stderr
    automatic = json.loads(doctor(tmp_path / "data", BATCHITE_SANDBOX_TIER="auto").stdout)
    assert automatic["chosen"]["tier"] == "process"
    assert "cannot be machines here" in automatic["chosen"]["why"]
