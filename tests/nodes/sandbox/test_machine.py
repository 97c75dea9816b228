"""Nodes that are machines: what their root tries to get at, and what it cannot take."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.nodes.sandbox.hosted import ADMIN, DEADLINE, USER, Hosted, hosted, witness
from tests.nodes.sandbox.hosting import PROCESSES

from batchite.engines.local.machines import python_places
from batchite.link.machines import IDS
from batchite.machine import proc
from batchite.nodes.sandbox.base import User

pytestmark = pytest.mark.system

Directory = tuple[str, ...]
_numbers = count(1)


@pytest.fixture(scope="module")
def secret() -> Iterator[Path]:
    """Where only this machine's root may look, and most secrets are."""
    place = Path("/etc/batchite-test-secret")
    place.write_text("secret")
    place.chmod(0o600)
    yield place
    place.unlink()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, secret: Path) -> Iterator[Hosted]:
    with hosted("machine", tmp_path_factory.mktemp("node")) as one:
        yield one


@pytest.fixture
def run() -> Directory:
    return ("workitems", "job", "job-1", f"task{next(_numbers)}")


def said(sandbox: Hosted, run: Directory, script: str, user: User = ADMIN) -> list[str]:
    """The lines that a script prints; it must succeed."""
    over = sandbox.shell(run, script, user=user).over()
    assert over.exit_code == 0, sandbox.said(run, "stderr")
    return sandbox.said(run).splitlines()


def test_it_is_a_machine_of_its_own(sandbox: Hosted, run: Directory) -> None:
    script = "id -u; hostname; echo $$; cat /proc/sys/kernel/hostname; getent hosts $(hostname); pwd"
    number, name, pid, kernels, known, place = said(sandbox, run, script)
    assert (number, name, kernels) == ("0", "conforming", "conforming")
    assert known.split() == ["127.0.1.1", "conforming"]
    assert int(pid) < 1000
    assert place == "/".join(("/mnt/batch/tasks", *run, "wd"))


def test_its_root_changes_the_system_for_itself(start: Callable[[], Hosted], run: Directory) -> None:
    sandbox = start()
    script = """echo mine > /usr/bin/batchite-test; echo mine >> /etc/passwd; mkdir /data; rm /etc/hostname
useradd -m somebody && su somebody -c id && mount -t tmpfs none /media
chown 1234 /data && stat -c %u /data"""
    assert said(sandbox, run, script)[-1] == "1234"
    assert not Path("/usr/bin/batchite-test").exists()
    assert "mine" not in Path("/etc/passwd").read_text()
    assert not Path("/data").exists() or os.stat("/data").st_uid != 1234


def test_a_user_of_a_task_is_known_by_its_name(sandbox: Hosted, run: Directory) -> None:
    own = User("_azbatchtask_7", "TaskNonAdmin")
    other = (*run[:-1], run[-1] + "-other")
    first = said(sandbox, run, "id -un; id -u; id -gn", own)
    assert (first[0], first[2]) == ("_azbatchtask_7", "_azbatchgrp")
    assert said(sandbox, other, "id -un; id -u; id -gn; grep -c _azbatchtask_7: /etc/passwd", own) == [
        *first,
        "1",
    ]


def test_a_start_task_and_tasks_are_different_users_of_one_group(sandbox: Hosted, run: Directory) -> None:
    start, other = User("_azbatchtask_start", "TaskNonAdmin"), (*run[:-1], run[-1] + "-other")
    assert said(sandbox, run, "id -un; id -gn", USER) == ["_azbatch", "_azbatchgrp"]
    assert said(sandbox, other, "id -un; id -gn", start) == ["_azbatchtask_start", "_azbatchgrp"]


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/batchite-test-secret", "/root", "/home", "/var/tmp", "/tmp", "/srv"],
)
def test_what_this_machine_keeps_to_itself_is_not_there(sandbox: Hosted, run: Directory, path: str) -> None:
    """Although its root may read everything."""
    place = Path(path)
    theirs = said(sandbox, run, f"cat {path} 2>/dev/null || ls -A {path} 2>/dev/null || :")
    if path == "/etc/shadow":
        assert theirs
        assert all(line.split(":")[1] == "*" for line in theirs)
    elif place.is_dir():
        assert not {name for name in theirs if "pytest" in name}
        leading = [Path(shared) for shared in python_places() if Path(shared).is_relative_to(place)]
        assert set(theirs) <= {shared.relative_to(place).parts[0] for shared in leading}
    else:
        assert theirs == []


def test_nothing_of_the_service_or_of_another_node_is_to_be_found(
    sandbox: Hosted, run: Directory, tmp_path: Path
) -> None:
    """By its names, by those of its processes, or by what is mounted."""
    (tmp_path / "key").write_text("secret")
    with hosted("machine", tmp_path / "other") as other:
        other.prepare(run)
        other.land(run, "file", "secret")
        places = [tmp_path / "key", other.place.joinpath(*run, "wd/file"), sandbox.node / "machine"]
        tried = "; ".join(f"cat {place}; ls {place}" for place in places)
        tried += f"; cat /proc/{os.getpid()}/environ; cat /proc/1/environ; ls /proc/1/fd /proc/1/root"
        sandbox.shell(run, tried, user=ADMIN).over()
    assert sandbox.said(run) == ""


@pytest.mark.parametrize(
    "attempt",
    [
        "mknod /tmp/disk b 254 0",
        "umount /usr",
        "umount /sys",
        "umount /mnt/batch/tasks",
        "mount -o remount,rw /sys",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "dmesg -C",
        "nsenter -t 1 -m true",
        "chroot /proc/1/root true",
        "ls /proc/1/fd/",
        "cat /proc/1/mem",
        "setfattr -n trusted.overlay.opaque -v n /var/tmp",
        "rmdir /var/tmp && mkdir /var/tmp && ls /var/tmp/* ",
        "modprobe dummy",
        "date -s 2000-01-01",
        "ip link set lo down",
    ],
)
def test_its_root_has_no_power_outside(sandbox: Hosted, run: Directory, attempt: str) -> None:
    assert sandbox.shell(run, attempt, user=ADMIN).over().exit_code != 0


def test_it_kills_nobody_outside(start: Callable[[], Hosted], run: Directory) -> None:
    """And its first process by no signal."""
    sandbox = start()
    with subprocess.Popen(["sleep", "600"]) as neighbour:
        script = f"kill -9 {neighbour.pid}; for s in 9 2 15 1 6 19; do kill -$s 1; done; kill -9 -1; exit 3"
        other = (*run[:-1], run[-1] + "-other")
        sleeping = sandbox.shell(other, "sleep 600", user=ADMIN)
        assert sandbox.shell(run, script, user=ADMIN).over().exit_code == 3
        assert sleeping.over().signal == signal.SIGKILL
        assert neighbour.poll() is None
        neighbour.kill()
    assert sandbox.shell(run, "true").over().exit_code == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Hosted]]:
    started: list[Hosted] = []

    def start() -> Hosted:
        started.append(Hosted("machine", tmp_path / "node"))
        return started[-1]

    yield start
    for one in started:
        one.close()


BOMB = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        try:
            os.close(os.open("full", os.O_CREAT | os.O_EXCL))
            os.write(9, b"full")
        except FileExistsError:
            time.sleep(0.05)
"""


def test_processes_that_multiply_stay_few_and_end(sandbox: Hosted, run: Directory) -> None:
    """Under the node's limit, and with the command that began it."""
    with witness(sandbox, f"bomb-{run[-1]}") as seen:
        bomb = sandbox.shell(run, f"exec 9> {seen.told}; exec python3 -c '{BOMB}'")
        assert seen.wait() == b"full"
        assert PROCESSES // 2 < len(users_processes(sandbox)) <= PROCESSES
        bomb.kill()
        assert bomb.over().signal == signal.SIGKILL
        assert seen.is_alone
    assert sandbox.shell(run, "true").over().exit_code == 0


def users_processes(sandbox: Hosted) -> list[int]:
    """Of the node's users, that have not ended."""
    first = (sandbox.node / "machine" / "top").stat().st_uid
    mine = []
    for process in proc.all_processes():
        with contextlib.suppress(FileNotFoundError):
            if first <= os.stat(f"/proc/{process.pid}").st_uid < first + IDS:
                mine.append(process.pid)
    return mine


@pytest.mark.parametrize("user", [USER, ADMIN])
def test_who_takes_more_memory_than_there_is_ends_and_is_told_why(
    sandbox: Hosted, run: Directory, user: User
) -> None:
    greedy = """exec python3 -c 'x = []
while True: x.append(bytearray(1 << 20))'"""
    other = (*run[:-1], run[-1] + "-other")
    neighbour = sandbox.shell(other, "trap 'exit 7' TERM; while :; do sleep 0.01; done")
    over = sandbox.shell(run, greedy, user=user).over()
    assert (over.signal, over.is_memory) == (signal.SIGKILL, True)
    neighbour.terminate()
    end = neighbour.over()
    assert (end.code, end.is_memory) == (7, False)


@pytest.mark.parametrize("who", ["agent", "spawner"])
def test_nothing_goes_on_without_agent_or_spawner(
    start: Callable[[], Hosted], run: Directory, who: str
) -> None:
    """Whatever it hides from; and the agent does not go on without a node."""
    sandbox = start()
    with witness(sandbox, "fifo") as seen:
        script = (
            f'exec 9> {seen.told}; ( env -i setsid sh -c "cd /; exec sleep 600" & ); echo >&9; exec sleep 600'
        )
        sandbox.shell(run, script, user=ADMIN)
        seen.wait()
        if who == "agent":
            sandbox.die()
        else:
            (spawner,) = (pid for pid in users_processes(sandbox) if is_first(pid))
            os.kill(spawner, signal.SIGKILL)
            sandbox.gone()
        assert seen.wait() == b""
    deadline = time.monotonic() + DEADLINE
    while users_processes(sandbox):  # the first one ends last
        assert time.monotonic() < deadline


def is_first(pid: int) -> bool:
    """Whether it is number 1 inside."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("NSpid:"))
    return line.split()[-1] == "1"


def test_no_mount_of_a_node_is_seen_outside(sandbox: Hosted) -> None:
    assert str(sandbox.node) not in Path("/proc/self/mountinfo").read_text()


def test_python_of_the_node_installs_for_its_tasks(sandbox: Hosted, run: Directory) -> None:
    """Its own, beside which the service's packages are seen and cannot be changed."""
    script = "command -v python3; python3 -c 'import sys, msgspec; print(sys.prefix)'; pip --version"
    sandbox.prepare(run)
    assert sandbox.spawn(run, "/bin/sh", "-c", script).over().exit_code == 0, sandbox.said(run, "stderr")
    program, prefix, _ = sandbox.said(run).splitlines()
    assert program == "/mnt/batch/tools/python/bin/python3"
    assert prefix == "/mnt/batch/tools/python"
