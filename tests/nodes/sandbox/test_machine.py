"""Nodes that are machines: what their root tries to get at, and what it cannot take."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.nodes.sandbox.hosted import ADMIN, DEADLINE, USER, Directory, Hosted, hosted, starting, witness
from tests.nodes.sandbox.hosting import PROCESSES

from batchite.engines.local.machines import python_places
from batchite.link.machines import IDS
from batchite.machine import proc
from batchite.nodes.sandbox.base import User
from batchite.resources import passwords
from batchite.wire.batch.login import Login
from batchite.wire.ticks import TICKS_PER_DAY

pytestmark = pytest.mark.system

SECRET = "a secret"
"""among paths: the one that only this process of tests has"""


@pytest.fixture(scope="module")
def secret() -> Iterator[Path]:
    """Where only this machine's root may look, and most secrets are."""
    place = Path(f"/etc/batchite-test-secret-{os.getpid()}")
    place.write_text("secret")
    place.chmod(0o600)
    yield place
    place.unlink()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, secret: Path) -> Iterator[Hosted]:
    with hosted("machine", tmp_path_factory.mktemp("node")) as one:
        yield one


def test_it_is_a_machine_of_its_own(sandbox: Hosted, run: Directory) -> None:
    script = "id -u; hostname; echo $$; cat /proc/sys/kernel/hostname; getent hosts $(hostname); pwd"
    number, name, pid, kernels, known, place = sandbox.lines(run, script, ADMIN)
    assert (number, name, kernels) == ("0", "conforming", "conforming")
    assert known.split() == ["127.0.1.1", "conforming"]
    assert int(pid) < 1000
    assert place == "/".join(("/mnt/batch/tasks", *run, "wd"))


def test_its_root_changes_the_system_for_itself(start: Callable[[], Hosted], run: Directory) -> None:
    sandbox = start()
    script = """echo mine > /usr/bin/batchite-test; echo mine >> /etc/passwd; mkdir /data; rm /etc/hostname
useradd -m somebody && su somebody -c id && mount -t tmpfs none /media
chown 1234 /data && stat -c %u /data"""
    assert sandbox.lines(run, script, ADMIN)[-1] == "1234"
    assert not Path("/usr/bin/batchite-test").exists()
    assert "mine" not in Path("/etc/passwd").read_text()
    assert not Path("/data").exists() or os.stat("/data").st_uid != 1234


def test_names_that_a_node_is_told_later_are_found(start: Callable[[], Hosted], run: Directory) -> None:
    """And others no more; what its root has written beside them stays."""
    sandbox = start()
    sandbox.lines(("before",), "echo 10.0.0.1 mine >> /etc/hosts", ADMIN)
    sandbox.know("127.64.0.1\tfilms.example", "127.64.0.1\tmore.example")
    names = "films.example more.example mine conforming"
    assert sandbox.lines(run, f"getent hosts {names} | cut -d' ' -f1", USER) == [
        *["127.64.0.1"] * 2,
        "10.0.0.1",
        "127.0.1.1",
    ]
    sandbox.know("127.64.0.1\tfilms.example")
    assert sandbox.shell(("after",), "getent hosts more.example").over().exit_code == 2
    assert sandbox.lines(("again",), "getent hosts mine", USER)


def test_a_hosts_file_that_resists_harms_nobody_else(start: Callable[[], Hosted], run: Directory) -> None:
    sandbox = start()
    sandbox.lines(run, "rm /etc/hosts; mkfifo /etc/hosts", ADMIN)
    sandbox.know("127.64.0.1\tfilms.example")
    assert sandbox.shell(("after",), "test -p /etc/hosts").over().exit_code == 0


def test_a_user_of_a_task_is_known_by_its_name(sandbox: Hosted, run: Directory) -> None:
    own = User("_azbatchtask_7", "TaskNonAdmin")
    other = (*run[:-1], run[-1] + "-other")
    first = sandbox.lines(run, "id -un; id -u; id -gn", own)
    assert (first[0], first[2]) == ("_azbatchtask_7", "_azbatchgrp")
    assert sandbox.lines(other, "id -un; id -u; id -gn; grep -c _azbatchtask_7: /etc/passwd", own) == [
        *first,
        "1",
    ]


def test_accounts_of_the_pool_are_users_with_numbers_of_their_own(sandbox: Hosted, run: Directory) -> None:
    runs = [(*run[:-1], f"{run[-1]}-{number}") for number in range(4)]
    anna, ben = User("anna", "anna", number=4321), User("Ben \u2603", "Ben \u2603")
    told = "id -un; id -u; id -gn; stat -c %u ."
    assert sandbox.lines(runs[0], told, anna) == ["anna", "4321", "_azbatchgrp", "4321"]
    number = sandbox.lines(runs[1], "id -u; stat -c %u .", ben)
    assert number[0] == number[1] not in ("0", "1000", "4321")
    admin = User("carl", "carl", is_admin=True, number=5432)
    assert sandbox.lines(runs[2], "id -u; touch /etc/mine && stat -c %u /etc/mine", admin) == ["0", "0"]
    own = sandbox.lines(runs[3], "touch mine; chmod 600 mine; stat -c '%u %a' mine", anna)
    assert own == ["4321 600"]
    reading = sandbox.shell(("after",), f"cat {sandbox.root}/{'/'.join(runs[3])}/wd/mine", ben)
    assert reading.over().exit_code == 1


SOMEBODY = Login("somebody", False, 40_000 * TICKS_PER_DAY - 5, passwords.hashed("open sesame"), "ssh-x AAAA")


def test_people_who_log_in_are_users_of_its_system(start: Callable[[], Hosted], run: Directory) -> None:
    """By name, password, key and rights; and not any more when they are none."""
    sandbox = start()
    theirs = {name: Path(name).read_bytes() for name in ("/etc/passwd", "/etc/shadow")}
    sandbox.introduce(SOMEBODY, Login("boss", True, TICKS_PER_DAY, None, None))
    script = """getent passwd somebody; stat -c '%U %G %a' ~somebody ~somebody/.ssh/authorized_keys
cat ~somebody/.ssh/authorized_keys; grep -e ^somebody: -e ^boss: /etc/shadow; stat -c %a /etc/shadow
cat /etc/sudoers.d/batch-node-users || true"""
    first = sandbox.lines(run, script, ADMIN)
    name, mark, number, *_, home, shell = first[0].split(":")
    assert (name, mark, home, shell) == ("somebody", "x", "/home/somebody", "/bin/bash")
    assert first[1:4] == ["somebody _azbatchgrp 700", "somebody _azbatchgrp 600", "ssh-x AAAA"]
    assert first[4:7] == [
        f"somebody:{SOMEBODY.password}:19000:0:99999:7::40000:",
        "boss:!:19000:0:99999:7::1:",
        "640",
    ]
    has_sudo = Path("/etc/sudoers.d").is_dir()
    assert first[7:] == (["boss ALL=(ALL) NOPASSWD:ALL"] if has_sudo else [])
    if Path("/etc/pam.d/su").exists():
        by_password = "echo '%s' | su -c 'id -u' somebody"
        other = (*run[:-1], run[-1] + "-su")
        assert sandbox.lines(other, by_password % "open sesame", USER)[-1:] == [number]
        wrong = sandbox.shell((*run[:-1], run[-1] + "-no"), by_password % "open", user=USER).over()
        assert wrong.exit_code == 1
    sandbox.introduce(Login("nobody", True, 1, None, None), Login("somebody", False, 5, None, None))
    again = (*run[:-1], run[-1] + "-again")
    script = (
        "grep -c -e Batch.node -e ^boss -e ^somebody /etc/passwd /etc/shadow; ls ~somebody/.ssh; id -u nobody"
    )
    assert sandbox.lines(again, script, ADMIN) == ["/etc/passwd:1", "/etc/shadow:1", "65534"]
    sandbox.introduce()
    last = (*run[:-1], run[-1] + "-last")
    script = "grep -c -e Batch.node -e ^boss -e ^somebody /etc/passwd /etc/shadow || true"
    assert sandbox.lines(last, script, ADMIN) == ["/etc/passwd:0", "/etc/shadow:0"]
    assert {name: Path(name).read_bytes() for name in theirs} == theirs
    assert not Path("/home/somebody").exists()


@pytest.mark.parametrize(
    "spoilt",
    [
        "rm /etc/passwd && mkfifo /etc/passwd",
        "rm /etc/shadow && ln -s /dev/zero /etc/shadow",
        "rm /etc/passwd && mkdir /etc/passwd",
        "truncate -s 2M /etc/passwd",
        "mkdir -p /home && touch /home/somebody",
    ],
)
def test_its_root_spoils_users_for_itself_only(
    start: Callable[[], Hosted], run: Directory, spoilt: str
) -> None:
    sandbox = start()
    sandbox.lines(run, spoilt, ADMIN)
    sandbox.introduce(SOMEBODY)
    assert sandbox.lines((*run[:-1], run[-1] + "-on"), "echo on", ADMIN) == ["on"]


def test_a_start_task_and_tasks_are_different_users_of_one_group(sandbox: Hosted, run: Directory) -> None:
    start, other = User("_azbatchtask_start", "TaskNonAdmin"), (*run[:-1], run[-1] + "-other")
    assert sandbox.lines(run, "id -un; id -gn", USER) == ["_azbatch", "_azbatchgrp"]
    assert sandbox.lines(other, "id -un; id -gn", start) == ["_azbatchtask_start", "_azbatchgrp"]


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", SECRET, "/root", "/home", "/var/tmp", "/tmp", "/srv"],
)
def test_what_this_machine_keeps_to_itself_is_not_there(
    sandbox: Hosted, secret: Path, run: Directory, path: str
) -> None:
    """Although its root may read everything."""
    place = secret if path == SECRET else Path(path)
    path = str(place)
    theirs = sandbox.lines(run, f"cat {path} 2>/dev/null || ls -A {path} 2>/dev/null || :", ADMIN)
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
    with starting("machine", tmp_path / "node") as start:
        yield start


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
    """Whether it is number 1 inside; one that is gone is not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
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
