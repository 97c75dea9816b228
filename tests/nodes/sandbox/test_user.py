"""Nodes behind a wall: what their tasks try to get at, as the very user who runs the service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.nodes.sandbox import unprivileged
from tests.nodes.sandbox.hosted import ADMIN, USER, Directory, Hosted, hosted, starting, witness
from tests.nodes.sandbox.hosting import MEMORY_MIB, PROCESSES

from batchite.machine import proc
from batchite.nodes.sandbox.base import User

pytestmark = pytest.mark.system

SECRET = "SECRET"
"""in paths and scripts: the one that only this process of tests has"""


@pytest.fixture(scope="module")
def secret() -> Iterator[Path]:
    """In the system's directories, and readable by the service's user alone."""
    place = Path(f"/etc/batchite-test-users-secret-{os.getpid()}")
    place.write_text("secret")
    place.chmod(0o600)
    os.chown(place, unprivileged.USER, unprivileged.USER)
    yield place
    place.unlink()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the service's directory."""
    directory = tmp_path_factory.mktemp("service")
    (directory / "accounts.json").write_text("secret")
    return directory


@pytest.fixture(scope="module")
def sandbox(service: Path, secret: Path) -> Iterator[Hosted]:
    with hosted("user", service / "node") as one:
        yield one


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Hosted]]:
    with starting("user", tmp_path / "node") as start:
        yield start


def test_names_and_processes_are_its_own(sandbox: Hosted, run: Directory) -> None:
    name, known, pid, place = sandbox.lines(run, "hostname; getent hosts $(hostname); echo $$; pwd")
    assert name == "conforming"
    assert known.split() == ["127.0.1.1", "conforming"]
    assert int(pid) < 1000
    assert place == "/".join(("/mnt/batch/tasks", *run, "wd"))


@pytest.mark.parametrize("directory", ["/tmp", "/var/tmp"])
def test_temporary_files_are_its_own(sandbox: Hosted, run: Directory, directory: str) -> None:
    """And neither in memory nor seen by others."""
    name = f"mine-{run[-1]}"
    assert name in sandbox.lines(run, f"echo > {directory}/{name}; ls -A {directory}")
    assert not Path(directory, name).exists()
    assert (sandbox.node / {"/tmp": "tmp", "/var/tmp": "vartmp"}[directory] / name).exists()


def test_an_administrator_is_one_by_name_only(sandbox: Hosted, run: Directory) -> None:
    assert sandbox.lines(run, "id -u", ADMIN) == [str(sandbox.user)]


@pytest.mark.parametrize("user", [USER, ADMIN])
@pytest.mark.parametrize("path", [SECRET, "/root", "/home", "/srv", "/run/user"])
def test_what_this_machine_keeps_to_itself_is_not_there(
    sandbox: Hosted, secret: Path, run: Directory, path: str, user: User
) -> None:
    path = str(secret) if path == SECRET else path
    script = f"cat {path} 2>/dev/null || find {path} -type f 2>/dev/null | head -1 || :"
    found = sandbox.lines(run, script, user)
    if any(proc.is_below(place, path) for place in unprivileged.pythons()):
        assert all(any(proc.is_below(file, place) for place in unprivileged.pythons()) for file in found)
    else:
        assert found == []


def test_nothing_of_the_service_or_of_another_node_is_to_be_found(
    sandbox: Hosted, run: Directory, service: Path
) -> None:
    """By its names, or by those of its processes."""
    with hosted("user", service / "other") as other:
        other.prepare(run)
        other.land(run, "file", "secret")
        places = [service / "accounts.json", other.place.joinpath(*run, "wd/file"), sandbox.node / "hosts"]
        mine = sandbox.place.joinpath(*run, "wd/mine")
        tried = "; ".join(f"cat {place}; ls {place}" for place in (*places, mine, service))
        tried += f"; cat /proc/{os.getpid()}/environ; cat /proc/1/environ; ls /proc/1/fd /proc/1/root"
        sandbox.shell(run, f": > mine; {tried}").over()
    assert sandbox.said(run) == ""


ALLOWED = "unshare -Urm true"


@pytest.mark.parametrize(
    "attempt",
    [
        "touch /mine",
        "touch /usr/mine",
        "touch /etc/mine",
        "touch /mnt/mine",
        "echo > /etc/hosts",
        "chown 0 mine",
        "mknod disk b 254 0",
        "umount /etc/hosts",
        "mount -o remount,rw /usr",
        "unshare -Urm umount /etc/hosts",
        "unshare -Urm umount /mnt/batch/tasks",
        "unshare -Urm umount /tmp",
        "unshare -Urm mount -o remount,rw,bind /usr",
        "unshare -Urm sh -c 'umount SECRET'",
        "unshare -Urm nsenter -t 1 -m true",
        "nsenter -t 1 -m true",
        "ls /proc/1/fd/",
        "cat /proc/1/mem",
        "unshare -Ur cat /proc/1/environ",
        "unshare -Ur ls /proc/1/root/",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "su -c true",
        "hostname mine",
    ],
)
def test_it_has_no_power_outside(sandbox: Hosted, secret: Path, run: Directory, attempt: str) -> None:
    """Nor in namespaces of its own making, which it may have."""
    attempt = attempt.replace(SECRET, str(secret))
    sandbox.lines(run, ALLOWED)
    assert sandbox.shell(run, f"touch mine; {attempt}", user=ADMIN).over().exit_code != 0
    assert sandbox.shell(run, "true").over().exit_code == 0


def test_it_kills_nobody_outside(start: Callable[[], Hosted], run: Directory) -> None:
    """And its first process by no signal."""
    sandbox = start()
    neighbour = subprocess.Popen(["sleep", "600"], user=sandbox.user)
    try:
        script = f"kill -9 {neighbour.pid}; for s in 9 2 15 1 6 19; do kill -$s 1; done; kill -9 -1; exit 3"
        other = (*run[:-1], run[-1] + "-other")
        sleeping = sandbox.shell(other, "sleep 600")
        assert sandbox.shell(run, script).over().exit_code == 3
        assert sleeping.over().signal == 9
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()
    assert sandbox.shell(run, "true").over().exit_code == 0


GREEDY = """x = []
while True: x.append(bytearray(1 << 20))
"""


@pytest.mark.parametrize(
    "script",
    [
        f"exec python3 -c '{GREEDY}'",
        f"echo '{GREEDY}' > x; ( env -i setsid PYTHON $PWD/x & ); exec sleep 600",
    ],
    ids=["alone", "hidden"],
)
def test_who_takes_more_memory_than_there_is_ends_and_is_told_why(
    sandbox: Hosted, run: Directory, script: str
) -> None:
    """And not who takes little beside it."""
    script = script.replace("PYTHON", sys.executable)
    other = (*run[:-1], run[-1] + "-other")
    neighbour = sandbox.shell(other, "trap 'exit 7' TERM; while :; do sleep 0.01; done")
    over = sandbox.shell(run, script).over()
    assert (over.signal, over.is_memory) == (signal.SIGKILL, True)
    neighbour.terminate()
    end = neighbour.over()
    assert (end.code, end.is_memory) == (7, False)


def test_a_process_that_hides_and_takes_more_is_ended_by_itself(sandbox: Hosted, run: Directory) -> None:
    script = f"""echo '{GREEDY}' > x; mkfifo f
( cd /; exec env -i setsid {sys.executable} "$OLDPWD/x" 2> "$OLDPWD/f" & )
cat f"""
    assert sandbox.shell(run, script).over().exit_code == 0, sandbox.said(run, "stderr")


def test_memory_that_processes_share_is_counted_once(sandbox: Hosted, run: Directory) -> None:
    """Four that have half of the limit in common, for longer than two looks."""
    script = f"""exec python3 -c '
import mmap, os, time
shared = mmap.mmap(-1, {MEMORY_MIB << 19})
for at in range(0, len(shared), 4096): shared[at] = 1
for _ in range(4):
    if os.fork() == 0:
        for at in range(0, len(shared), 4096): shared[at]
        time.sleep(1)
        os._exit(0)
for _ in range(4): assert os.wait()[1] == 0
'"""
    assert sandbox.shell(run, script).over().exit_code == 0, sandbox.said(run, "stderr")


@pytest.mark.parametrize("who", ["agent", "first", "wall"])
def test_nothing_goes_on_without_agent_or_spawner(
    start: Callable[[], Hosted], run: Directory, who: str
) -> None:
    """Whatever it hides from; and the agent does not go on without a node."""
    sandbox = start()
    with witness(sandbox, "fifo") as seen:
        hides = '( env -i setsid sh -c "cd /; exec sleep 600" & )'
        sandbox.shell(run, f"exec 9> {seen.told}; {hides}; echo >&9; exec sleep 600")
        seen.wait()
        wall = child(sandbox.pid)
        if who == "agent":
            sandbox.die()
        else:
            os.kill(wall if who == "wall" else child(wall), 9)
            sandbox.gone()
        assert seen.wait() == b""


BOMB = """
import os, time
os.setsid()
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
    """Under the node's limit, which others of that user do not count towards, and with the command."""
    with witness(sandbox, f"bomb-{run[-1]}") as seen:
        bomb = sandbox.shell(run, f"exec 9> {seen.told}; python3 -c '{BOMB}' & wait")
        assert seen.wait() == b"full"
        assert PROCESSES // 2 < (sandbox.use().processes or 0) < PROCESSES + 10
        bomb.kill()
        assert bomb.over().signal == 9
        assert seen.is_alone
    assert sandbox.shell(run, "true").over().exit_code == 0


def child(parent: int) -> int:
    (found,) = (one.pid for one in proc.all_processes() if one.parent == parent)
    return found


def test_no_mount_of_a_node_is_seen_outside(sandbox: Hosted) -> None:
    assert str(sandbox.node) not in Path("/proc/self/mountinfo").read_text()


def test_its_python_installs_for_its_tasks(sandbox: Hosted, run: Directory) -> None:
    """Beside what the service has, which is seen and cannot be changed."""
    script = "command -v python3; python3 -c 'import sys, msgspec; print(sys.prefix)'; pip --version"
    sandbox.prepare(run)
    assert sandbox.spawn(run, "/bin/sh", "-c", script).over().exit_code == 0, sandbox.said(run, "stderr")
    program, prefix, _ = sandbox.said(run).splitlines()
    assert program == "/mnt/batch/tools/python/bin/python3"
    assert prefix == "/mnt/batch/tools/python"
